//! Sizes of rings, and positions in them.

use aerostat_spec::ring::Notification;

/// The number of descriptors of a ring: 1 to 32768, and a power of two for a split ring ("Split Virtqueues", 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueSize(u16);

impl QueueSize {
    /// The smallest size.
    pub const MIN: Self = Self(1);

    /// The largest size.
    pub const MAX: Self = Self(1 << 15);

    /// Returns the size if it is valid for a split ring. It is valid for a packed ring too.
    pub const fn new(size: u16) -> Option<Self> {
        if size.is_power_of_two() { Some(Self(size)) } else { None }
    }

    /// Returns the largest size of a split ring that is not above `limit`; `None` for 0.
    pub const fn at_most(limit: u16) -> Option<Self> {
        match limit.checked_ilog2() {
            Some(log) => Some(Self(1 << log)),
            None => None,
        }
    }

    /// Returns the size if it is valid for a packed ring.
    pub const fn packed(size: u16) -> Option<Self> {
        if size > 0 && size <= Self::MAX.0 { Some(Self(size)) } else { None }
    }

    /// Returns the number of descriptors.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the slot of a split ring that a free-running index refers to.
    #[inline]
    pub(crate) const fn slot(self, index: u16) -> usize {
        (index & (self.0 - 1)) as usize
    }
}

/// The sizes that a device allows for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueLimit {
    /// Any size up to this one.
    AtMost(u16),
    /// Exactly this size. Legacy PCI leaves the driver no choice.
    Exactly(u16),
}

/// The position in a ring at which the next buffer will be made available: the free-running available index of a split ring,
/// or slot and wrap counter (bit 15) of a packed ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingPosition(pub(crate) u16);

impl RingPosition {
    /// Returns the value of a notification that carries the position ("Driver Notifications", 2.9).
    pub fn with_queue(self, queue: u16) -> u32 {
        let (off, wrap) = (self.0 & 0x7fff, self.0 >> 15 != 0);
        let notification = Notification::new().with_vq_index(queue).with_next_off(off).with_next_wrap(wrap);
        notification.into_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::{QueueSize, RingPosition};

    /// Sizes of queues: all of them, and in Miri every 211th.
    fn sizes() -> impl Iterator<Item = u16> {
        (0..=u16::MAX).step_by(if cfg!(miri) { 211 } else { 1 })
    }

    // conformance: ring.split.layout.4, ring.split.layout.5
    #[test]
    fn a_split_ring_has_a_power_of_two_as_size() {
        for size in sizes() {
            assert_eq!(QueueSize::new(size).is_some(), size.count_ones() == 1, "{size}");
        }
    }

    // conformance: ring.packed.layout.4
    #[test]
    fn a_packed_ring_has_any_size_up_to_32768() {
        for size in sizes() {
            assert_eq!(QueueSize::packed(size).is_some(), (1..=32768).contains(&size), "{size}");
        }
    }

    #[test]
    fn at_most_rounds_down_to_a_power_of_two() {
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
