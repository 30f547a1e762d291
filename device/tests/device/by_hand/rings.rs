//! The driver's side of a ring of either format.

use aerostat_device::GuestMemory;

use super::super::SHAPE;
use super::{Bytes, DEVICE_RING, DRIVER_RING, SIZE, Used, from_bytes};
use crate::Shape;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// A ring, and what the driver knows of it.
#[derive(Debug)]
pub(super) struct Ring {
    memory: GuestMemory,
    area: u64,
    /// Buffers made available, wrapping.
    available: u16,
    /// What was put into the descriptor table, which a packed ring does not have.
    table: [Descriptor; SIZE as usize],
    /// Where the driver is in a packed ring, and how many descriptors the buffer of each id has.
    next: Place,
    used: Place,
    slots: [u16; SIZE as usize],
    log: Vec<Used>,
}

/// A descriptor of a split ring: address on the bus, length, flags, next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Descriptor {
    pub(super) address: u64,
    pub(super) length: u32,
    pub(super) flags: u16,
    pub(super) next: u16,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    slot: u16,
    wrap: bool,
}

impl Place {
    fn advance(&mut self, slots: u16) {
        self.slot += slots;
        if self.slot >= SIZE {
            *self = Self { slot: self.slot - SIZE, wrap: !self.wrap };
        }
    }
}

impl Ring {
    pub(super) fn new(memory: &GuestMemory, area: u64) -> Self {
        let start = Place { slot: 0, wrap: true };
        Self {
            memory: memory.clone(),
            area,
            available: 0,
            table: [Descriptor::default(); SIZE as usize],
            next: start,
            used: start,
            slots: [1; SIZE as usize],
            log: Vec::new(),
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        self.memory.write(self.area + offset, bytes).unwrap();
    }

    pub(super) fn half(&self, offset: u64) -> u16 {
        let mut bytes = [0; 2];
        self.memory.read(self.area + offset, &mut bytes).unwrap();
        from_bytes(bytes)
    }

    fn word(&self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.memory.read(self.area + offset, &mut bytes).unwrap();
        if SHAPE == Shape::Legacy { u32::from_ne_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn write_half(&self, offset: u64, value: u16) {
        self.write(offset, &value.bytes());
    }

    fn write_descriptor(&self, index: u16, address: u64, length: u32, last: [u16; 2]) {
        let at = 16 * u64::from(index);
        self.write(at, &address.bytes());
        self.write(at + 8, &length.bytes());
        self.write_half(at + 12, last[0]);
        self.write_half(at + 14, last[1]);
    }

    pub(super) fn describe(&mut self, index: u16, descriptor: Descriptor) {
        let Descriptor { address, length, flags, next } = descriptor;
        match SHAPE {
            Shape::Split | Shape::Legacy => self.write_descriptor(index, address, length, [flags, next]),
            Shape::Packed => self.table[usize::from(index)] = descriptor,
        }
    }

    pub(super) fn offer(&mut self, head: u16) {
        if SHAPE == Shape::Packed {
            return self.offer_packed(head);
        }
        self.write_half(DRIVER_RING + 4 + 2 * u64::from(self.available % SIZE), head);
        self.available = self.available.wrapping_add(1);
        self.set_index(self.available);
    }

    fn offer_packed(&mut self, head: u16) {
        let first = self.next;
        let mut index = head;
        let mut publish = 0;
        self.slots[usize::from(head)] = 0;
        loop {
            let Descriptor { address, length, flags, next } = self.table[usize::from(index)];
            let raw = flags | if self.next.wrap { AVAIL } else { USED };
            let place = self.next.slot;
            // The flags of the first one come last.
            if place == first.slot {
                publish = raw;
                self.write_descriptor(place, address, length, [head, self.half(16 * u64::from(place) + 14)]);
            } else {
                self.write_descriptor(place, address, length, [head, raw]);
            }
            self.slots[usize::from(head)] += 1;
            self.next.advance(1);
            if flags & NEXT == 0 {
                break;
            }
            index = next;
        }
        self.write_half(16 * u64::from(first.slot) + 14, publish);
        self.available = self.available.wrapping_add(1);
    }

    /// The available index of a split ring.
    pub(super) fn set_index(&self, index: u16) {
        self.write_half(DRIVER_RING + 2, index);
    }

    /// Where the next buffer goes, as a notification says it.
    pub(super) fn position(&self) -> u16 {
        match SHAPE {
            Shape::Packed => self.next.slot | u16::from(self.next.wrap) << 15,
            _ => self.available,
        }
    }

    /// Whether the driver wants interrupts: 0, or 1 if not.
    pub(super) fn set_flags(&self, flags: u16) {
        let at = if SHAPE == Shape::Packed { 2 } else { 0 };
        self.write_half(DRIVER_RING + at, flags);
    }

    /// Whether the device wants notifications: 0, or 1 if not.
    pub(super) fn flags(&self) -> u16 {
        let at = if SHAPE == Shape::Packed { 2 } else { 0 };
        self.half(DEVICE_RING + at)
    }

    pub(super) fn used_index(&mut self) -> u16 {
        match SHAPE {
            Shape::Split | Shape::Legacy => self.half(DEVICE_RING + 2),
            Shape::Packed => {
                self.look(self.log.len() + usize::from(SIZE));
                self.log.len() as u16
            }
        }
    }

    pub(super) fn used(&mut self, count: u16) -> Vec<Used> {
        if SHAPE == Shape::Packed {
            self.look(count.into());
            return self.log.iter().copied().take(count.into()).collect();
        }
        let ring = DEVICE_RING + 4;
        (0..u64::from(count))
            .map(|entry| Used { id: self.word(ring + 8 * entry), written: self.word(ring + 8 * entry + 4) })
            .collect()
    }

    pub(super) fn expect_batch(&mut self, buffers: u16) {
        self.slots = [buffers; SIZE as usize];
    }

    /// Follows a packed ring until `most` buffers have come back in all.
    fn look(&mut self, most: usize) {
        while self.log.len() < most {
            let at = 16 * u64::from(self.used.slot);
            let flags = self.half(at + 14);
            if [AVAIL, USED].map(|bit| flags & bit != 0) != [self.used.wrap; 2] {
                break;
            }
            let id = self.half(at + 12);
            let written = if flags & WRITE != 0 { self.word(at + 8) } else { 0 };
            self.log.push(Used { id: id.into(), written });
            self.used.advance(self.slots.get(usize::from(id)).copied().unwrap_or(1));
        }
    }
}
