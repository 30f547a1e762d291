//! The buffers in a ring: chains of descriptors.

use virtio_bindings::virtio_ring::{VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE};

use crate::memory::Bus;

/// Bytes of a descriptor in either format.
pub(super) const DESCRIPTOR: u64 = 16;

/// One piece of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) struct Element {
    /// On the bus.
    pub(in crate::model) address: u64,
    /// In bytes.
    pub(in crate::model) length: u32,
    /// Whether it is the device that writes it.
    pub(in crate::model) writable: bool,
}

/// A buffer that the driver has made available.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Chain {
    /// The head of the chain, or the buffer id.
    pub(in crate::model) id: u16,
    /// How many descriptors of the ring it takes.
    pub(in crate::model) slots: u16,
    pub(in crate::model) elements: Vec<Element>,
    /// What is wrong with it.
    pub(in crate::model) flaws: Vec<Flaw>,
}

/// What can be wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Flaw {
    /// It leaves the table, loops or cannot be read.
    Broken,
    /// It has an indirect descriptor.
    Indirect,
    /// It has one with a link to another descriptor.
    Linked,
    /// It has one in an indirect table.
    Nested,
    /// It has an indirect table of a packed ring with other flags than the one that is valid there.
    TableFlags,
    /// It does not follow the one before, or its descriptors do not follow each other, though the order is kept.
    Unordered,
    /// With it the driver has more descriptors in flight than the ring has.
    Overrun,
}

impl Chain {
    /// The chain has an indirect descriptor: that by itself is noted too, for those who do without.
    pub(super) fn note_indirect(&mut self, descriptor: Descriptor) {
        self.flaws.push(Flaw::Indirect);
        if descriptor.has_next() {
            self.flaws.push(Flaw::Linked);
        }
    }
}

/// A descriptor as it is in memory. The last two fields of 16 bits mean different things in the two formats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) address: u64,
    pub(super) length: u32,
    pub(super) flags: u16,
    /// The next descriptor in a split ring, the buffer id in a packed one.
    pub(super) link: u16,
}

impl Descriptor {
    /// Reads a descriptor of a split ring.
    pub(super) fn split(bus: &Bus, at: u64) -> Option<Self> {
        Some(Self {
            address: bus.read_u64(at)?,
            length: bus.read_u32(at + 8)?,
            flags: bus.read_u16(at + 12)?,
            link: bus.read_u16(at + 14)?,
        })
    }

    /// Reads a descriptor of a packed ring.
    pub(super) fn packed(bus: &Bus, at: u64) -> Option<Self> {
        Some(Self {
            address: bus.read_u64(at)?,
            length: bus.read_u32(at + 8)?,
            link: bus.read_u16(at + 12)?,
            flags: bus.read_u16(at + 14)?,
        })
    }

    pub(super) fn has(self, flag: u32) -> bool {
        u32::from(self.flags) & flag != 0
    }

    pub(super) fn has_next(self) -> bool {
        self.has(VRING_DESC_F_NEXT)
    }

    pub(super) fn is_indirect(self) -> bool {
        self.has(VRING_DESC_F_INDIRECT)
    }

    /// How many descriptors the table has that this one refers to. `None` when these are not whole ones, or none.
    pub(super) fn table_entries(self) -> Option<u32> {
        let bytes = DESCRIPTOR as u32;
        (self.length.is_multiple_of(bytes) && self.length > 0).then_some(self.length / bytes)
    }

    pub(super) fn element(self) -> Element {
        Element { address: self.address, length: self.length, writable: self.has(VRING_DESC_F_WRITE) }
    }
}
