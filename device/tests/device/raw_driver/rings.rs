//! The driver's side of a ring of any format.

use aerostat_device::GuestMemory;

use super::super::FORMAT;
use super::{Bytes, DEVICE_RING, DRIVER_RING, SIZE, Used, from_bytes};
use crate::Format;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// A ring and the state of the driver.
#[derive(Debug)]
pub(super) struct Ring {
    memory: GuestMemory,
    area: u64,
    /// Number of available buffers in total, modulo 2^16.
    available: u16,
    /// The descriptors by index, for a packed ring, which has no descriptor table.
    table: [Descriptor; SIZE as usize],
    /// The positions of the driver in a packed ring.
    next: Position,
    used: Position,
    /// For a packed ring, the number of descriptors of the buffer with each id.
    descriptors: [u16; SIZE as usize],
    /// The used entries of a packed ring so far.
    log: Vec<Used>,
}

/// A descriptor of a split ring. `address` is a device address.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Descriptor {
    pub(super) address: u64,
    pub(super) length: u32,
    pub(super) flags: u16,
    pub(super) next: u16,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    index: u16,
    wrap: bool,
}

impl Position {
    fn advance(&mut self, descriptors: u16) {
        self.index += descriptors;
        if self.index >= SIZE {
            *self = Self { index: self.index - SIZE, wrap: !self.wrap };
        }
    }
}

impl Ring {
    pub(super) fn new(memory: &GuestMemory, area: u64) -> Self {
        let start = Position { index: 0, wrap: true };
        Self {
            memory: memory.clone(),
            area,
            available: 0,
            table: [Descriptor::default(); SIZE as usize],
            next: start,
            used: start,
            descriptors: [1; SIZE as usize],
            log: Vec::new(),
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        self.memory.write(self.area + offset, bytes).unwrap();
    }

    pub(super) fn read_u16(&self, offset: u64) -> u16 {
        let mut bytes = [0; 2];
        self.memory.read(self.area + offset, &mut bytes).unwrap();
        from_bytes(bytes)
    }

    fn read_u32(&self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.memory.read(self.area + offset, &mut bytes).unwrap();
        if FORMAT == Format::Legacy { u32::from_ne_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn write_u16(&self, offset: u64, value: u16) {
        self.write(offset, &value.bytes());
    }

    fn write_descriptor(&self, index: u16, address: u64, length: u32, last: [u16; 2]) {
        let at = 16 * u64::from(index);
        self.write(at, &address.bytes());
        self.write(at + 8, &length.bytes());
        self.write_u16(at + 12, last[0]);
        self.write_u16(at + 14, last[1]);
    }

    pub(super) fn describe(&mut self, index: u16, descriptor: Descriptor) {
        let Descriptor { address, length, flags, next } = descriptor;
        match FORMAT {
            Format::Split | Format::Legacy => self.write_descriptor(index, address, length, [flags, next]),
            Format::Packed => self.table[usize::from(index)] = descriptor,
        }
    }

    pub(super) fn add_head(&mut self, head: u16) {
        if FORMAT == Format::Packed {
            return self.add_packed(head);
        }
        self.write_u16(DRIVER_RING + 4 + 2 * u64::from(self.available % SIZE), head);
        self.available = self.available.wrapping_add(1);
        self.set_index(self.available);
    }

    fn add_packed(&mut self, head: u16) {
        let first = self.next;
        let mut index = head;
        let mut publish = 0;
        self.descriptors[usize::from(head)] = 0;
        loop {
            let Descriptor { address, length, flags, next } = self.table[usize::from(index)];
            let raw = flags | if self.next.wrap { AVAIL } else { USED };
            let position = self.next.index;
            // The flags of the first descriptor are written last.
            if position == first.index {
                publish = raw;
                self.write_descriptor(position, address, length, [head, self.read_u16(16 * u64::from(position) + 14)]);
            } else {
                self.write_descriptor(position, address, length, [head, raw]);
            }
            self.descriptors[usize::from(head)] += 1;
            self.next.advance(1);
            if flags & NEXT == 0 {
                break;
            }
            index = next;
        }
        self.write_u16(16 * u64::from(first.index) + 14, publish);
        self.available = self.available.wrapping_add(1);
    }

    /// Sets the available index of a split ring.
    pub(super) fn set_index(&self, index: u16) {
        self.write_u16(DRIVER_RING + 2, index);
    }

    /// Returns the position of the next buffer in the format of notification data.
    pub(super) fn position(&self) -> u16 {
        match FORMAT {
            Format::Packed => self.next.index | u16::from(self.next.wrap) << 15,
            _ => self.available,
        }
    }

    /// Sets the flags of the driver area: 0 enables interrupts, 1 disables them.
    pub(super) fn set_flags(&self, flags: u16) {
        let at = if FORMAT == Format::Packed { 2 } else { 0 };
        self.write_u16(DRIVER_RING + at, flags);
    }

    /// Returns the flags of the device area: 0 enables notifications, 1 disables them.
    pub(super) fn flags(&self) -> u16 {
        let at = if FORMAT == Format::Packed { 2 } else { 0 };
        self.read_u16(DEVICE_RING + at)
    }

    pub(super) fn used_index(&mut self) -> u16 {
        match FORMAT {
            Format::Split | Format::Legacy => self.read_u16(DEVICE_RING + 2),
            Format::Packed => {
                self.poll_used(self.log.len() + usize::from(SIZE));
                self.log.len() as u16
            }
        }
    }

    pub(super) fn used(&mut self, count: u16) -> Vec<Used> {
        if FORMAT == Format::Packed {
            self.poll_used(count.into());
            return self.log.iter().copied().take(count.into()).collect();
        }
        let ring = DEVICE_RING + 4;
        (0..u64::from(count))
            .map(|entry| Used { id: self.read_u32(ring + 8 * entry), written: self.read_u32(ring + 8 * entry + 4) })
            .collect()
    }

    pub(super) fn expect_batch(&mut self, buffers: u16) {
        self.descriptors = [buffers; SIZE as usize];
    }

    /// Reads used descriptors of a packed ring until there are `max` in total.
    fn poll_used(&mut self, max: usize) {
        while self.log.len() < max {
            let at = 16 * u64::from(self.used.index);
            let flags = self.read_u16(at + 14);
            if [AVAIL, USED].map(|bit| flags & bit != 0) != [self.used.wrap; 2] {
                break;
            }
            let id = self.read_u16(at + 12);
            let written = if flags & WRITE != 0 { self.read_u32(at + 8) } else { 0 };
            self.log.push(Used { id: id.into(), written });
            self.used.advance(self.descriptors.get(usize::from(id)).copied().unwrap_or(1));
        }
    }
}
