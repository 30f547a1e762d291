//! Memory and rules of a ring, in either format.

use crate::dma::DmaRegion;
use crate::ring::element::Interrupts;
use crate::ring::rules::{Events, RuleBounds, Rules};
use crate::ring::size::QueueSize;

/// How a descriptor continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It is the last one of its buffer.
    End,
    /// The buffer continues in this descriptor.
    Next(u16),
    /// Its element is an indirect table, which describes the whole buffer.
    Table,
}

/// The next entry that the device has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextUsed {
    /// No entry was used.
    Nothing,
    /// The device used the buffer `id` and reports `length` bytes written.
    Buffer { id: u32, length: u32 },
    /// The used index moved by more than the number of buffers in flight.
    IndexJumped { from: u16, to: u16 },
}

/// The memory of a ring, with what both formats need to access it.
#[derive(Debug)]
pub(crate) struct RingShared {
    pub(crate) memory: DmaRegion,
    /// The negotiated rules, for [`RingShared::rules`].
    pub(crate) rules: Rules,
    pub(crate) size: QueueSize,
    pub(crate) interrupts: Interrupts,
}

impl RingShared {
    /// Returns the rules within the bounds.
    #[inline(always)]
    pub(crate) const fn rules<B: RuleBounds>(&self) -> Rules {
        self.rules.within::<B>()
    }

    /// Reads an index, flags or an event that the device writes, once.
    #[cfg_attr(all(test, loom), track_caller)]
    pub(crate) fn load<B: RuleBounds>(&self, offset: usize) -> u16 {
        let (value, rules) = (self.memory.load(offset), self.rules::<B>());
        rules.barriers.after_load();
        rules.order16(value)
    }

    /// Writes an index, flags or an event that the device reads.
    #[cfg_attr(all(test, loom), track_caller)]
    pub(crate) fn store<B: RuleBounds>(&self, offset: usize, value: u16) {
        let rules = self.rules::<B>();
        rules.barriers.before_store();
        self.memory.store(offset, rules.order16(value));
    }

    /// Returns whether the driver asks for interrupts by event index.
    pub(crate) fn uses_interrupt_events<B: RuleBounds>(&self) -> bool {
        self.rules::<B>().events == Events::Index && self.interrupts == Interrupts::Enabled
    }
}

/// Returns whether moving an index from `old` to `new` passes the entry `event`, which asks for a notification
/// ("vring_need_event", 2.7.10). All three wrap at 65536, so only their differences count.
#[inline]
pub(crate) fn passes_event(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

#[cfg(test)]
mod tests {
    use super::passes_event;

    #[test]
    fn an_event_is_passed_once_across_the_wrap() {
        for start in [0, 1, 100, u16::MAX - 2, u16::MAX] {
            let at = |offset: u16| start.wrapping_add(offset);
            assert!(passes_event(at(0), at(0), at(1)), "the first entry");
            assert!(passes_event(at(3), at(0), at(5)), "a middle entry");
            assert!(!passes_event(at(5), at(0), at(5)), "the entry after the last");
            assert!(!passes_event(at(0).wrapping_sub(1), at(0), at(5)), "the entry before the first");
            assert!(!passes_event(at(2), at(5), at(5)), "no entry was added");
        }
    }

    #[test]
    fn in_one_turn_of_the_index_an_event_is_passed_exactly_once() {
        let event = 40_000;
        let mut index = 39_000_u16;
        let mut count = 0;
        for step in (1..=16).cycle().take(65_536 / 136 * 16) {
            let new = index.wrapping_add(step);
            count += u32::from(passes_event(event, index, new));
            index = new;
        }
        assert_eq!(count, 1);
    }
}
