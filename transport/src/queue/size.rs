//! The size of a split ring.

/// Number of descriptors of a split ring: a power of two from 1 to 32768 ("Split Virtqueues", 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueSize(u16);

impl QueueSize {
    /// The largest split ring.
    pub const MAX: Self = Self(1 << 15);

    /// The size, if a split ring can have it.
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

    /// As a number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The slot of the ring that a free-running index stands for.
    pub(crate) const fn slot(self, index: u16) -> usize {
        (index & (self.0 - 1)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::QueueSize;

    #[test]
    fn only_powers_of_two_are_sizes() {
        for size in 0..=u16::MAX {
            assert_eq!(QueueSize::new(size).is_some(), size.count_ones() == 1, "{size}");
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
}
