//! The packed format: one descriptor ring that both sides write, and an event structure for each side (2.8).

use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::{
    VRING_DESC_F_WRITE, VRING_PACKED_EVENT_FLAG_DESC, VRING_PACKED_EVENT_FLAG_DISABLE, VRING_PACKED_EVENT_FLAG_ENABLE,
};

use super::chain::{Chain, DESCRIPTOR_BYTES, Defect, Descriptor};
use super::layout::{Completion, EventMode, Overrun, Ring, RingArea, RingSetup, is_passed};
use super::packed_position::{AVAIL, Position, USED, WRAP};
use crate::fault::Scribble;
use crate::memory::Bus;

/// Offset in bytes of the length, the id and the flags in a descriptor.
const DESCRIPTOR_LENGTH: u64 = 8;
const DESCRIPTOR_ID: u64 = 12;
const DESCRIPTOR_FLAGS: u64 = 14;
/// Offset in bytes of the flags in an event structure.
const EVENT_FLAGS: u64 = 2;
/// Size in bytes of an event structure.
const EVENT_BYTES: u64 = 4;

/// The index and the flags of a used descriptor.
#[derive(Clone, Copy, Debug)]
struct UsedDescriptor {
    index: u16,
    flags: u16,
}

/// A packed ring.
#[derive(Debug)]
pub(crate) struct Packed {
    setup: RingSetup,
    /// The position of the next available buffer.
    next_available: Position,
    /// The position of the next used descriptor.
    next_used: Position,
    /// How many buffers the device has taken, modulo 2^16.
    taken: u16,
    /// Number of descriptors in flight.
    in_flight: u16,
    /// Number of descriptors used since the last decision about an interrupt.
    unsignalled: u16,
    /// The last used descriptor.
    last_used: Option<UsedDescriptor>,
    /// A used descriptor that a fault has unmarked until the next completion.
    unmarked: Option<UsedDescriptor>,
}

impl Packed {
    pub(crate) fn new(setup: RingSetup) -> Self {
        Self {
            setup,
            next_available: Position::START,
            next_used: Position::START,
            taken: 0,
            in_flight: 0,
            unsignalled: 0,
            last_used: None,
            unmarked: None,
        }
    }

    fn descriptor_address(&self, index: u16) -> u64 {
        self.setup.addresses[0] + DESCRIPTOR_BYTES * u64::from(index)
    }

    fn flags(&self, bus: &Bus, index: u16) -> u16 {
        bus.load(self.descriptor_address(index) + DESCRIPTOR_FLAGS).unwrap_or(0)
    }

    fn set_flags(&self, bus: &Bus, index: u16, flags: u16) {
        let _ = bus.store(self.descriptor_address(index) + DESCRIPTOR_FLAGS, flags);
    }

    /// Writes the device event structure.
    fn set_event(&self, bus: &Bus, position: u16, flags: u32) {
        let [_, _, device] = self.setup.addresses;
        let _ = bus.store(device, position);
        let _ = bus.store(device + EVENT_FLAGS, flags as u16);
    }

    /// Returns the available buffer at `position`, if there is one.
    fn chain_at(&self, bus: &Bus, position: Position) -> Option<Chain> {
        if !position.is_available(self.flags(bus, position.index)) {
            return None;
        }
        let mut chain = Chain::default();
        if self.follow_chain(bus, position, &mut chain).is_none() {
            chain.defects.push(Defect::Broken);
        }
        Some(chain)
    }

    fn follow_chain(&self, bus: &Bus, mut position: Position, chain: &mut Chain) -> Option<()> {
        while chain.descriptors < self.setup.size {
            let descriptor = Descriptor::read_packed(bus, self.descriptor_address(position.index))?;
            if !position.is_available(descriptor.flags) {
                return None;
            }
            chain.id = descriptor.link;
            chain.descriptors += 1;
            if descriptor.is_indirect() {
                chain.note_indirect(descriptor);
                self.follow_table(bus, descriptor, chain)?;
            } else {
                chain.elements.push(descriptor.element());
            }
            if !descriptor.has_next() {
                return Some(());
            }
            position = position.advance(1, self.setup.size);
        }
        None
    }

    /// Appends all descriptors of an indirect table: they form the buffer in table order (2.8.7).
    fn follow_table(&self, bus: &Bus, table: Descriptor, chain: &mut Chain) -> Option<()> {
        let entries = table.table_entries().filter(|entries| *entries <= self.setup.size.into())?;
        for index in 0..u64::from(entries) {
            let descriptor = Descriptor::read_packed(bus, table.address.checked_add(DESCRIPTOR_BYTES * index)?)?;
            if descriptor.is_indirect() {
                chain.defects.push(Defect::Nested);
                return None;
            }
            if u32::from(descriptor.flags) & !VRING_DESC_F_WRITE != 0 {
                chain.defects.push(Defect::TableFlags);
            }
            chain.elements.push(descriptor.element());
        }
        Some(())
    }

    /// Calls `each` for every available buffer, at most the ring size. Returns the position of the next buffer.
    fn for_each_available(&self, bus: &Bus, mut each: impl FnMut(Chain)) -> Position {
        let mut position = self.next_available;
        let mut total = 0;
        while total < self.setup.size
            && let Some(chain) = self.chain_at(bus, position)
        {
            // A chain without a readable descriptor counts as one descriptor, so that the loop ends.
            let descriptors = chain.descriptors.max(1);
            total = total.saturating_add(descriptors);
            position = position.advance(descriptors, self.setup.size);
            each(chain);
        }
        position
    }

    /// Returns whether the event offset and wrap counter of the driver are in the range from `old` to `new`.
    fn passed_driver_event(&self, bus: &Bus, old: u16, new: u16) -> bool {
        let [_, driver, _] = self.setup.addresses;
        let event = bus.load(driver).unwrap_or(0);
        // An event with the other wrap counter is one ring size behind.
        let behind = if (event & WRAP != 0) == self.next_used.wrap { 0 } else { self.setup.size };
        is_passed((event & !WRAP).wrapping_sub(behind), old, new)
    }
}

impl Ring for Packed {
    fn size(&self) -> u16 {
        self.setup.size
    }

    fn areas(&self) -> [RingArea; 3] {
        let size = u64::from(self.setup.size);
        RingArea::at(self.setup.addresses, [(DESCRIPTOR_BYTES * size, 16), (EVENT_BYTES, 4), (EVENT_BYTES, 4)])
    }

    /// The whole descriptor ring has to be zero (2.8.13).
    fn is_zeroed(&self, bus: &Bus) -> bool {
        let mut ring = vec![0; usize::from(self.setup.size) * DESCRIPTOR_BYTES as usize];
        bus.read(self.descriptor_address(0), &mut ring).is_some() && ring.iter().all(|byte| *byte == 0)
    }

    fn taken(&self) -> u16 {
        self.taken
    }

    fn available(&self, bus: &Bus) -> u16 {
        let mut count = 0;
        self.for_each_available(bus, |_| count += 1);
        count
    }

    fn next_available_position(&self, bus: &Bus) -> u16 {
        self.for_each_available(bus, |_| {}).to_raw()
    }

    fn take_available(&mut self, bus: &Bus) -> Result<Vec<Chain>, Overrun> {
        let mut chains = Vec::new();
        self.next_available = self.for_each_available(bus, |chain| chains.push(chain));
        for chain in &mut chains {
            self.taken = self.taken.wrapping_add(1);
            self.in_flight = self.in_flight.saturating_add(chain.descriptors);
            if self.in_flight > self.setup.size {
                chain.defects.push(Defect::Overrun);
            }
        }
        Ok(chains)
    }

    fn disable_notifications(&mut self, bus: &Bus) {
        self.set_event(bus, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
    }

    fn enable_notifications(&mut self, bus: &Bus) -> bool {
        match self.setup.events {
            EventMode::Flags => self.set_event(bus, 0, VRING_PACKED_EVENT_FLAG_ENABLE),
            EventMode::Index => self.set_event(bus, self.next_available.to_raw(), VRING_PACKED_EVENT_FLAG_DESC),
        }
        // Orders the write of the event structure before the check of the next descriptor (2.8.21.3).
        fence(Ordering::SeqCst);
        self.next_available.is_available(self.flags(bus, self.next_available.index))
    }

    fn push_used(&mut self, bus: &Bus, Completion { id, written, has_write_flag, descriptors, .. }: Completion) {
        if let Some(UsedDescriptor { index, flags }) = self.unmarked.take() {
            self.set_flags(bus, index, flags);
        }
        let index = self.next_used.index;
        let at = self.descriptor_address(index);
        let _ = bus.write_u32(at + DESCRIPTOR_LENGTH, written);
        let _ = bus.store(at + DESCRIPTOR_ID, id as u16);
        // The length is valid only with WRITE (2.8.4).
        let write = if has_write_flag { VRING_DESC_F_WRITE as u16 } else { 0 };
        let flags = self.next_used.used_flags() | write;
        self.set_flags(bus, index, flags);
        self.last_used = Some(UsedDescriptor { index, flags });
        self.next_used = self.next_used.advance(descriptors.clamp(1, self.setup.size), self.setup.size);
        self.in_flight = self.in_flight.saturating_sub(descriptors);
        self.unsignalled = self.unsignalled.saturating_add(descriptors);
    }

    fn shift_used_index(&mut self, bus: &Bus, by: i16) {
        if by < 0
            && let Some(UsedDescriptor { index, flags }) = self.last_used
        {
            self.set_flags(bus, index, flags ^ (AVAIL | USED));
            self.unmarked = self.last_used;
        }
        let mut position = self.next_used;
        for _ in 0..by.clamp(0, self.setup.size as i16) {
            self.set_flags(bus, position.index, position.used_flags());
            position = position.advance(1, self.setup.size);
        }
    }

    fn needs_interrupt(&mut self, bus: &Bus) -> bool {
        // Orders the used descriptors before the read of the driver event structure (2.8.22).
        fence(Ordering::SeqCst);
        let new = self.next_used.index;
        let old = new.wrapping_sub(std::mem::take(&mut self.unsignalled));
        let [_, driver, _] = self.setup.addresses;
        match u32::from(bus.load(driver + EVENT_FLAGS).unwrap_or(0)) & 0b11 {
            VRING_PACKED_EVENT_FLAG_DISABLE => false,
            VRING_PACKED_EVENT_FLAG_DESC if self.setup.events == EventMode::Index => {
                self.passed_driver_event(bus, old, new)
            }
            _ => true,
        }
    }

    fn scribble(&mut self, bus: &Bus, what: Scribble) {
        let [descriptors, driver, device] = self.areas();
        // Sets only reserved flags, so interrupts and notifications stay enabled.
        let scribble_event = |area: RingArea| {
            area.scribble(bus, 0);
            let _ = bus.store(area.address + EVENT_FLAGS, 0xfffc);
        };
        match what {
            // A descriptor with both flags set is not available with either wrap counter.
            Scribble::Descriptors => descriptors.scribble(bus, 0),
            Scribble::AvailableRing => scribble_event(driver),
            Scribble::UsedRing => scribble_event(device),
            Scribble::Buffer => {}
        }
    }
}
