//! The two formats of a ring behind one set of operations.

use crate::dma::DmaRegion;
use crate::queue::packed::Packed;
use crate::queue::rules::{Format, Rules};
use crate::queue::split::{Interrupts, RingAddresses, Split};
use crate::queue::{Element, QueueSize, RingPosition};

/// What a descriptor is beside its element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The last one of its buffer.
    End,
    /// The buffer goes on in this free descriptor of the table.
    Next(u16),
    /// All of its buffer: the element is a table of descriptors.
    Table,
}

/// What the device says that it has used next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// The buffer of this id, of which it has written so many bytes.
    Buffer { id: u32, length: u32 },
    /// More buffers than it holds: its index went from one to another.
    Jump { from: u16, to: u16 },
}

impl Next {
    /// A buffer that the device has used, by its id, and its length.
    pub(crate) const fn of((id, length): (u32, u32)) -> Self {
        Self::Buffer { id, length }
    }
}

/// A ring in shared memory.
#[derive(Debug)]
pub(crate) enum Ring {
    Split(Split),
    Packed(Packed),
}

macro_rules! ring {
    ($self:expr, $ring:ident => $do:expr) => {
        match $self {
            Ring::Split($ring) => $do,
            Ring::Packed($ring) => $do,
        }
    };
}

impl Ring {
    pub(crate) fn layout(rules: Rules, size: QueueSize) -> core::alloc::Layout {
        match rules.format {
            Format::Split => Split::layout(rules, size),
            Format::Packed => Packed::layout(size),
        }
    }

    /// A ring in memory that was allocated with at least [`Ring::layout`]; all of the memory is zeroed.
    pub(crate) fn new(rules: Rules, mut memory: DmaRegion, size: QueueSize) -> Self {
        memory.zero();
        match rules.format {
            Format::Split => Self::Split(Split::new(memory, rules, size)),
            Format::Packed => Self::Packed(Packed::new(memory, rules, size)),
        }
    }

    pub(crate) fn rules(&self) -> Rules {
        ring!(self, ring => ring.rules())
    }

    pub(crate) fn memory(&self) -> &DmaRegion {
        ring!(self, ring => ring.memory())
    }

    /// Where the next buffer will be made available.
    pub(crate) fn position(&self) -> RingPosition {
        ring!(self, ring => ring.position())
    }

    pub(crate) fn addresses(&self) -> RingAddresses {
        ring!(self, ring => ring.addresses())
    }

    pub(crate) fn size(&self) -> QueueSize {
        ring!(self, ring => ring.size())
    }

    pub(crate) fn into_memory(self) -> DmaRegion {
        ring!(self, ring => ring.into_memory())
    }

    /// Fills the next descriptor of a buffer that starts at `head`. `id` is a free descriptor of the table.
    pub(crate) fn describe(&mut self, head: u16, id: u16, element: &Element, link: Link) {
        match self {
            Self::Split(ring) => ring.describe(id, element, link),
            Self::Packed(ring) => ring.describe(head, element, link),
        }
    }

    /// Makes the buffer available whose descriptors were filled since the last one.
    pub(crate) fn make_available(&mut self, head: u16) {
        match self {
            Self::Split(ring) => ring.make_available(head),
            Self::Packed(ring) => ring.make_available(),
        }
    }

    /// Whether the device wants to be told of the buffers that were made available since this was asked last.
    pub(crate) fn wants_notification(&mut self) -> bool {
        ring!(self, ring => ring.wants_notification())
    }

    pub(crate) fn set_interrupts(&mut self, interrupts: Interrupts) {
        ring!(self, ring => ring.set_interrupts(interrupts));
    }

    /// What the device has used next, if it holds `held` buffers.
    pub(crate) fn next_used(&mut self, held: u16) -> Next {
        match self {
            Self::Split(ring) => ring.next_used(held),
            Self::Packed(ring) => ring.next_used(),
        }
    }

    /// Goes past a used buffer of so many descriptors.
    pub(crate) fn advance(&mut self, descriptors: u16) {
        match self {
            Self::Split(ring) => ring.advance(),
            Self::Packed(ring) => ring.advance(descriptors),
        }
    }
}

/// Whether an event at `event` lies among those from `old` to before `new` ("Notifying The Device", 2.7.10). All three
/// wrap at 65536, so that only differences mean anything.
pub(crate) fn passed(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

#[cfg(test)]
mod tests {
    use super::passed;

    #[test]
    fn an_event_is_passed_once_wherever_the_indexes_wrap() {
        for start in [0, 1, 100, u16::MAX - 2, u16::MAX] {
            let at = |offset: u16| start.wrapping_add(offset);
            assert!(passed(at(0), at(0), at(1)), "the entry itself");
            assert!(passed(at(3), at(0), at(5)), "one in the middle");
            assert!(!passed(at(5), at(0), at(5)), "not one to come");
            assert!(!passed(at(0).wrapping_sub(1), at(0), at(5)), "not one of before");
            assert!(!passed(at(2), at(5), at(5)), "nothing when nothing was added");
        }
    }

    #[test]
    fn over_all_steps_of_a_whole_turn_an_event_is_passed_exactly_once() {
        let event = 40_000;
        let mut index = 39_000_u16;
        let mut count = 0;
        for step in (1..=16).cycle().take(65_536 / 136 * 16) {
            let new = index.wrapping_add(step);
            count += u32::from(passed(event, index, new));
            index = new;
        }
        assert_eq!(count, 1);
    }
}
