//! The size of a ring, and places in it.

use aerostat_spec::ring::Notification;

/// Number of descriptors of a ring: from 1 to 32768, for a split ring a power of two ("Split Virtqueues", 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueSize(u16);

impl QueueSize {
    /// The largest ring.
    pub const MAX: Self = Self(1 << 15);

    /// The size, if a split ring can have it: every such size will do for a packed ring too.
    pub const fn new(size: u16) -> Option<Self> {
        if size.is_power_of_two() { Some(Self(size)) } else { None }
    }

    /// The largest size that is no more than `limit`; `None` for 0.
    pub const fn at_most(limit: u16) -> Option<Self> {
        match limit.checked_ilog2() {
            Some(log) => Some(Self(1 << log)),
            None => None,
        }
    }

    /// The size, if a packed ring can have it.
    pub const fn packed(size: u16) -> Option<Self> {
        if size > 0 && size <= Self::MAX.0 { Some(Self(size)) } else { None }
    }

    /// As a number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The slot of a split ring that a free-running index stands for.
    pub(crate) const fn slot(self, index: u16) -> usize {
        (index & (self.0 - 1)) as usize
    }
}

/// The sizes that a queue can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueLimit {
    /// Any up to this one.
    AtMost(u16),
    /// This one: the legacy interface of PCI leaves the driver no choice.
    Exactly(u16),
}

/// Where in a ring the next buffer will be made available: the free-running available index of a split ring, the slot and
/// above it the wrap counter of a packed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingPosition(pub(crate) u16);

impl RingPosition {
    /// A notification of new buffers in a queue that carries the position ("Driver Notifications", 2.9).
    pub fn with_queue(self, queue: u16) -> u32 {
        let (off, wrap) = (self.0 & 0x7fff, self.0 >> 15 != 0);
        let notification = Notification::new().with_vq_index(queue).with_next_off(off).with_next_wrap(wrap);
        notification.into_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::{QueueSize, RingPosition};

    #[test]
    fn only_powers_of_two_are_sizes() {
        for size in 0..=u16::MAX {
            assert_eq!(QueueSize::new(size).is_some(), size.count_ones() == 1, "{size}");
        }
    }

    #[test]
    fn a_packed_ring_has_any_size_up_to_the_largest() {
        for size in 0..=u16::MAX {
            assert_eq!(QueueSize::packed(size).is_some(), (1..=32768).contains(&size), "{size}");
        }
    }

    #[test]
    fn the_largest_size_below_a_limit_is_found() {
        for (limit, size) in [(0, None), (1, Some(1)), (3, Some(2)), (128, Some(128)), (u16::MAX, Some(32768))] {
            assert_eq!(QueueSize::at_most(limit).map(QueueSize::get), size, "{limit}");
        }
    }

    #[test]
    fn slots_wrap_with_the_index() {
        let size = QueueSize::new(8).unwrap();
        assert_eq!([size.slot(7), size.slot(8), size.slot(u16::MAX)], [7, 0, 7]);
    }

    #[test]
    fn a_notification_carries_queue_and_position() {
        for (position, value) in [(0, 0x0000_0003), (0x7fff, 0x7fff_0003), (0x8001, 0x8001_0003), (0xffff, 0xffff_0003)]
        {
            assert_eq!(RingPosition(position).with_queue(3), value);
        }
    }
}
