//! Descriptors and descriptor chains.

use virtio_bindings::virtio_ring::{VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE};

use crate::memory::Bus;

/// Size in bytes of a descriptor in both formats.
pub(crate) const DESCRIPTOR_BYTES: u64 = 16;

/// One contiguous element of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Bus address.
    pub(crate) address: u64,
    /// Length in bytes.
    pub(crate) length: u32,
    /// Whether the element is device-writable.
    pub(crate) writable: bool,
}

/// An available buffer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    /// The head of the chain, or the buffer id in a packed ring.
    pub(crate) id: u16,
    /// Number of ring descriptors.
    pub(crate) descriptors: u16,
    pub(crate) elements: Vec<Element>,
    /// Rules that the chain breaks.
    pub(crate) defects: Vec<Defect>,
}

/// A property of a chain that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// The chain leaves the table, loops or is not readable.
    Broken,
    /// The chain has an indirect descriptor: a defect only without INDIRECT_DESC.
    Indirect,
    /// An indirect descriptor has a next descriptor.
    Linked,
    /// An indirect table contains an indirect descriptor.
    Nested,
    /// An indirect table of a packed ring has flags other than WRITE.
    TableFlags,
    /// The chain or its descriptors are not in ring order, although IN_ORDER was negotiated.
    OutOfOrder,
    /// The chain exceeds the number of descriptors that can be in flight.
    Overrun,
}

impl Chain {
    pub(crate) fn note_indirect(&mut self, descriptor: Descriptor) {
        self.defects.push(Defect::Indirect);
        if descriptor.has_next() {
            self.defects.push(Defect::Linked);
        }
    }
}

/// The contents of a descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    pub(crate) address: u64,
    pub(crate) length: u32,
    pub(crate) flags: u16,
    /// The next descriptor in a split ring, the buffer id in a packed ring.
    pub(crate) link: u16,
}

impl Descriptor {
    /// Reads a descriptor of a split ring.
    pub(crate) fn read_split(bus: &Bus, at: u64) -> Option<Self> {
        Some(Self {
            address: bus.read_u64(at)?,
            length: bus.read_u32(at + 8)?,
            flags: bus.read_u16(at + 12)?,
            link: bus.read_u16(at + 14)?,
        })
    }

    /// Reads a descriptor of a packed ring.
    pub(crate) fn read_packed(bus: &Bus, at: u64) -> Option<Self> {
        Some(Self {
            address: bus.read_u64(at)?,
            length: bus.read_u32(at + 8)?,
            link: bus.read_u16(at + 12)?,
            flags: bus.read_u16(at + 14)?,
        })
    }

    pub(crate) fn has(self, flag: u32) -> bool {
        u32::from(self.flags) & flag != 0
    }

    pub(crate) fn has_next(self) -> bool {
        self.has(VRING_DESC_F_NEXT)
    }

    pub(crate) fn is_indirect(self) -> bool {
        self.has(VRING_DESC_F_INDIRECT)
    }

    /// Returns the number of descriptors in the indirect table, or `None` if its length is invalid.
    pub(crate) fn table_entries(self) -> Option<u32> {
        let bytes = DESCRIPTOR_BYTES as u32;
        (self.length.is_multiple_of(bytes) && self.length > 0).then_some(self.length / bytes)
    }

    pub(crate) fn element(self) -> Element {
        Element { address: self.address, length: self.length, writable: self.has(VRING_DESC_F_WRITE) }
    }
}
