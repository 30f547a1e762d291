//! What the interface and the negotiated features decide about a ring.

use aerostat_spec::{Accepted, FeatureSet, Interface, reserved::feature};

use crate::barrier::Barriers;

/// How the two sides tell each other when to notify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// On or off, by flags.
    Flags,
    /// At an index that each side names (VIRTIO_F_EVENT_IDX).
    Index,
}

/// The format of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Descriptor table, available ring and used ring.
    Split,
    /// One ring of descriptors (VIRTIO_F_RING_PACKED).
    Packed,
}

/// The order in which the device uses buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UseOrder {
    /// Any.
    Any,
    /// That in which they were made available (VIRTIO_F_IN_ORDER).
    InOrder,
}

/// Whether a buffer may be described by a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indirect {
    /// It may (VIRTIO_F_INDIRECT_DESC).
    Allowed,
    /// It may not.
    Forbidden,
}

/// The rules of all rings of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) interface: Interface,
    pub(crate) format: Format,
    pub(crate) events: Events,
    pub(crate) order: UseOrder,
    pub(crate) indirect: Indirect,
    pub(crate) barriers: Barriers,
}

impl Rules {
    pub(crate) fn of<F: FeatureSet>(interface: Interface, accepted: &Accepted<F>) -> Self {
        Self {
            interface,
            format: if accepted.has(feature::RingPacked) { Format::Packed } else { Format::Split },
            events: if accepted.has(feature::EventIdx) { Events::Index } else { Events::Flags },
            order: if accepted.has(feature::InOrder) { UseOrder::InOrder } else { UseOrder::Any },
            indirect: if accepted.has(feature::IndirectDesc) { Indirect::Allowed } else { Indirect::Forbidden },
            barriers: if accepted.has(feature::OrderPlatform) { Barriers::Platform } else { Barriers::Cpus },
        }
    }

    /// Whether fields of a ring are stored big-endian: those of the legacy interface are in the byte order of the CPU.
    const fn is_big_endian(self) -> bool {
        cfg!(target_endian = "big") && matches!(self.interface, Interface::Legacy)
    }

    /// A value as it is stored in a ring, or the value from what is stored there.
    pub(crate) const fn order16(self, value: u16) -> u16 {
        if self.is_big_endian() { value.to_be() } else { value.to_le() }
    }

    /// As [`Rules::order16`], for 32 bits.
    pub(crate) const fn order32(self, value: u32) -> u32 {
        if self.is_big_endian() { value.to_be() } else { value.to_le() }
    }
}
