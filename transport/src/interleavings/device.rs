//! The device's side of both kinds of rings, as the specification describes it.

use core::mem::offset_of;
use std::sync::atomic::Ordering;
use std::vec::Vec;

use aerostat_spec::ring::{Avail, Desc, DescFlags, EventMode, EventSuppress, PackedDesc, Used, UsedElem};

use super::{elements, written};
use crate::dma::DmaRegion;
use crate::ring::{Element, Events, Format, QueueSize, RingAddresses, Rules, passes_event};
use crate::sync::fence;

/// A device that drives one ring.
pub(super) struct Device {
    rules: Rules,
    size: QueueSize,
    memory: DmaRegion,
    /// Offset of what the driver writes: the available ring, or the event structure.
    driver: usize,
    /// Offset of what the device writes: the used ring, or the event structure.
    device: usize,
    /// Descriptors (packed) or buffers (split) that were taken.
    taken: u16,
    /// Descriptors (packed) or buffers (split) that were used.
    used: u16,
    /// Buffers that were taken.
    buffers: usize,
}

/// A buffer that the device has taken.
pub(super) struct Taken {
    id: u16,
    descriptors: u16,
    buffer: usize,
}

impl Device {
    pub(super) fn new(rules: Rules, size: QueueSize, memory: DmaRegion, addresses: RingAddresses) -> Self {
        let [driver, device] =
            [addresses.driver, addresses.device].map(|part| (part.0 - addresses.descriptors.0) as usize);
        Self { rules, size, memory, driver, device, taken: 0, used: 0, buffers: 0 }
    }

    fn slot(&self, index: u16) -> usize {
        usize::from(index % self.size.get())
    }

    /// The wrap counter of a packed ring at a free-running index.
    fn wrap(&self, index: u16) -> bool {
        (index / self.size.get()).is_multiple_of(2)
    }

    /// Takes the next available buffer, and checks that it is what the driver added.
    pub(super) fn take(&mut self) -> Option<Taken> {
        let (id, found) = match self.rules.format {
            Format::Split => self.take_split(),
            Format::Packed => self.take_packed(),
        }?;
        let buffer = self.buffers;
        let expected = elements(buffer).map(|Element { address, len, .. }| (address.0, len));
        assert_eq!(found, expected, "the device reads something else than the driver added as buffer {buffer}");
        self.buffers += 1;
        Some(Taken { id, descriptors: expected.len() as u16, buffer })
    }

    fn take_split(&mut self) -> Option<(u16, Vec<(u64, u32)>)> {
        if self.memory.load(self.driver + offset_of!(Avail, idx)) == self.taken {
            return None;
        }
        let head: u16 = self.memory.read(self.driver + size_of::<Avail>() + 2 * self.slot(self.taken));
        self.taken = self.taken.wrapping_add(1);
        let (mut next, mut elements) = (head, Vec::new());
        loop {
            let at = size_of::<Desc>() * usize::from(next);
            elements.push((self.memory.read(at), self.memory.read(at + offset_of!(Desc, len))));
            let flags = DescFlags::from_bits(self.memory.read(at + offset_of!(Desc, flags)));
            if !flags.next() || elements.len() > DESCRIPTORS_AT_MOST {
                return Some((head, elements));
            }
            next = self.memory.read(at + offset_of!(Desc, next));
        }
    }

    fn take_packed(&mut self) -> Option<(u16, Vec<(u64, u32)>)> {
        let flags_at = |slot: usize| size_of::<PackedDesc>() * slot + offset_of!(PackedDesc, flags);
        let wrap = self.wrap(self.taken);
        let mut flags = DescFlags::from_bits(self.memory.load(flags_at(self.slot(self.taken))));
        if flags.avail() != wrap || flags.used() == wrap {
            return None;
        }
        let mut elements = Vec::new();
        loop {
            let at = size_of::<PackedDesc>() * self.slot(self.taken);
            elements.push((self.memory.read(at), self.memory.read(at + offset_of!(PackedDesc, len))));
            self.taken = self.taken.wrapping_add(1);
            if !flags.next() || elements.len() > DESCRIPTORS_AT_MOST {
                return Some((self.memory.read(at + offset_of!(PackedDesc, id)), elements));
            }
            flags = DescFlags::from_bits(self.memory.read(flags_at(self.slot(self.taken))));
        }
    }

    /// Returns a buffer as used. Returns whether the driver wants an interrupt for it.
    pub(super) fn put(&mut self, taken: &Taken) -> bool {
        let old = self.used;
        match self.rules.format {
            Format::Split => {
                let at = self.device + size_of::<Used>() + size_of::<UsedElem>() * self.slot(old);
                self.memory.write(at + offset_of!(UsedElem, id), u32::from(taken.id));
                self.memory.write(at + offset_of!(UsedElem, len), written(taken.buffer));
                self.used = old.wrapping_add(1);
                self.memory.store(self.device + offset_of!(Used, idx), self.used);
            }
            Format::Packed => {
                let at = size_of::<PackedDesc>() * self.slot(old);
                self.memory.write(at + offset_of!(PackedDesc, id), taken.id);
                self.memory.write(at + offset_of!(PackedDesc, len), written(taken.buffer));
                let wrap = self.wrap(old);
                let flags = DescFlags::new().with_avail(wrap).with_used(wrap).with_write(true).into_bits();
                self.memory.store(at + offset_of!(PackedDesc, flags), flags);
                self.used = old.wrapping_add(taken.descriptors);
            }
        }
        // Orders the used buffer before the read of the suppression state.
        fence(Ordering::SeqCst);
        self.wants_interrupt(old)
    }

    fn wants_interrupt(&self, old: u16) -> bool {
        match (self.rules.format, self.rules.events) {
            (Format::Split, Events::Flags) => self.memory.load(self.driver + offset_of!(Avail, flags)) == 0,
            (Format::Split, Events::Index) => {
                let event = self.driver + size_of::<Avail>() + 2 * usize::from(self.size.get());
                passes_event(self.memory.load(event), old, self.used)
            }
            (Format::Packed, _) => {
                let mode = self.memory.load(self.driver + offset_of!(EventSuppress, flags));
                let position = self.memory.load(self.driver + offset_of!(EventSuppress, desc));
                match EventMode::from_raw((mode & 3) as _) {
                    EventMode::Disable => false,
                    EventMode::Desc => {
                        let (slot, wrap) = (position & 0x7fff, position >> 15 != 0);
                        // The position as a free-running index: the one of its slot and wrap counter that is at or after `old`.
                        let at = (old..).find(|&at| self.slot(at) == usize::from(slot) && self.wrap(at) == wrap);
                        at.is_some_and(|at| at < self.used)
                    }
                    _ => true,
                }
            }
        }
    }

    /// Asks for a notification of the next buffer. The device has to look again after that.
    pub(super) fn request_notification(&mut self) {
        let (size, position) = (usize::from(self.size.get()), self.taken);
        match (self.rules.format, self.rules.events) {
            (Format::Split, Events::Flags) => self.memory.store(self.device + offset_of!(Used, flags), 0),
            (Format::Split, Events::Index) => {
                self.memory.store(self.device + size_of::<Used>() + size_of::<UsedElem>() * size, position);
            }
            (Format::Packed, events) => {
                let wrap = u16::from(self.wrap(position)) << 15;
                let mode = if events == Events::Index { EventMode::Desc } else { EventMode::Enable };
                self.memory.store(self.device + offset_of!(EventSuppress, desc), self.slot(position) as u16 | wrap);
                self.memory.store(self.device + offset_of!(EventSuppress, flags), mode.to_raw().into());
            }
        }
        fence(Ordering::SeqCst);
    }

    /// Asks for no notification, where flags do that.
    pub(super) fn suppress_notifications(&mut self) {
        match (self.rules.format, self.rules.events) {
            (_, Events::Index) => {}
            (Format::Split, Events::Flags) => self.memory.store(self.device + offset_of!(Used, flags), 1),
            (Format::Packed, Events::Flags) => {
                self.memory.store(self.device + offset_of!(EventSuppress, flags), EventMode::Disable.to_raw().into());
            }
        }
    }
}

/// No buffer of a model is longer.
const DESCRIPTORS_AT_MOST: usize = 4;
