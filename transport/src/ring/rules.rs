//! The rules of a ring: what the interface and the negotiated features decide about it.

use aerostat_spec::{Accepted, Feature, FeatureSet, Interface, reserved::feature};

use crate::barrier::Barriers;

/// How driver and device suppress notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// By flags: on or off.
    Flags,
    /// By event indexes (VIRTIO_F_EVENT_IDX).
    Index,
}

/// The format of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Descriptor table, available ring and used ring.
    Split,
    /// One descriptor ring (VIRTIO_F_RING_PACKED).
    Packed,
}

/// The order in which the device uses buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UseOrder {
    /// Any order.
    Any,
    /// The order in which they were made available (VIRTIO_F_IN_ORDER).
    InOrder,
}

/// Whether a descriptor may refer to an indirect table (VIRTIO_F_INDIRECT_DESC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indirect {
    /// It may.
    Allowed,
    /// It may not.
    Forbidden,
}

/// What the rules of a ring can be, as known at compile time.
///
/// A driver that does not declare a feature cannot negotiate it. Code that depends on such a feature is not compiled in.
pub(crate) trait RuleBounds {
    /// The features that can be negotiated, as a mask.
    const FEATURES: u64;
    /// Whether the device can be driven through the legacy interface.
    const LEGACY: bool;
}

/// Bounds that exclude nothing.
#[derive(Debug)]
pub(crate) struct Unbounded;

impl RuleBounds for Unbounded {
    const FEATURES: u64 = u64::MAX;
    const LEGACY: bool = true;
}

/// Returns whether the feature can be negotiated.
const fn can<B: RuleBounds>(bit: u32) -> bool {
    B::FEATURES & 1 << bit != 0
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
    /// Returns the rules that follow from the negotiated features.
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

    /// Returns the same rules, with constants in place of what the bounds exclude, so that the compiler removes the code for it.
    #[inline(always)]
    pub(crate) const fn within<B: RuleBounds>(self) -> Self {
        Self {
            interface: if B::LEGACY { self.interface } else { Interface::Modern },
            format: if can::<B>(feature::RingPacked::BIT) { self.format } else { Format::Split },
            events: if can::<B>(feature::EventIdx::BIT) { self.events } else { Events::Flags },
            order: if can::<B>(feature::InOrder::BIT) { self.order } else { UseOrder::Any },
            indirect: if can::<B>(feature::IndirectDesc::BIT) { self.indirect } else { Indirect::Forbidden },
            barriers: if can::<B>(feature::OrderPlatform::BIT) { self.barriers } else { Barriers::Cpus },
        }
    }

    /// Returns whether fields of a ring are stored big-endian. The legacy interface uses the byte order of the CPU.
    const fn is_big_endian(self) -> bool {
        cfg!(target_endian = "big") && matches!(self.interface, Interface::Legacy)
    }

    /// Converts a value between the byte order of the CPU and that of the ring, in either direction.
    pub(crate) const fn order16(self, value: u16) -> u16 {
        if self.is_big_endian() { value.to_be() } else { value.to_le() }
    }

    /// Converts a 32-bit value like [`Rules::order16`].
    pub(crate) const fn order32(self, value: u32) -> u32 {
        if self.is_big_endian() { value.to_be() } else { value.to_le() }
    }
}
