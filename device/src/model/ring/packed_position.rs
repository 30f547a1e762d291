//! A position in a packed ring.

use virtio_bindings::virtio_ring::{
    VRING_PACKED_DESC_F_AVAIL, VRING_PACKED_DESC_F_USED, VRING_PACKED_EVENT_F_WRAP_CTR,
};

/// The descriptor flag AVAIL.
pub(crate) const AVAIL: u16 = 1 << VRING_PACKED_DESC_F_AVAIL;
/// The descriptor flag USED.
pub(crate) const USED: u16 = 1 << VRING_PACKED_DESC_F_USED;
/// The bit of the wrap counter in an event structure.
pub(crate) const WRAP: u16 = 1 << VRING_PACKED_EVENT_F_WRAP_CTR;

/// The index of a descriptor, with the wrap counter of the side that has reached it (2.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) index: u16,
    pub(crate) wrap: bool,
}

impl Position {
    pub(crate) const START: Self = Self { index: 0, wrap: true };

    /// Returns the position `descriptors` further, at most `size`.
    pub(crate) fn advance(self, descriptors: u16, size: u16) -> Self {
        match self.index + descriptors {
            index if index < size => Self { index, ..self },
            index => Self { index: index - size, wrap: !self.wrap },
        }
    }

    /// Returns the format of event structures and notification data.
    pub(crate) fn to_raw(self) -> u16 {
        if self.wrap { self.index | WRAP } else { self.index }
    }

    /// Returns whether a descriptor with these flags is available at this position.
    pub(crate) fn is_available(self, flags: u16) -> bool {
        (flags & AVAIL != 0) == self.wrap && (flags & USED != 0) != self.wrap
    }

    /// Returns the flags of a used descriptor at this position.
    pub(crate) fn used_flags(self) -> u16 {
        if self.wrap { AVAIL | USED } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_wrap_at_the_end_of_a_ring_of_any_size() {
        for size in [1, 3, 8, 32768] {
            let mut position = Position::START;
            for index in (0..size).chain(0..size) {
                assert_eq!(position.index, index);
                position = position.advance(1, size);
            }
            assert_eq!(position, Position::START);
        }
        assert_eq!(Position { index: 4, wrap: true }.advance(3, 5), Position { index: 2, wrap: false });
    }

    #[test]
    fn descriptors_are_available_only_with_the_current_wrap_counter() {
        let (first, second) = (Position::START, Position { wrap: false, ..Position::START });
        assert!(first.is_available(AVAIL) && !second.is_available(AVAIL));
        assert!(second.is_available(USED) && !first.is_available(USED));
        for used in [0, AVAIL | USED] {
            assert!(!first.is_available(used) && !second.is_available(used));
        }
    }
}
