//! The two formats of a ring behind one set of operations.

use core::alloc::Layout;

use aerostat_spec::ring::Desc;

use crate::dma::{DeviceAddress, DmaRegion};
use crate::queue::packed::Packed;
use crate::queue::rules::{Events, Format, Rules};
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
pub(crate) struct Ring {
    common: Common,
    state: State,
}

/// What a ring has whatever its format.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) memory: DmaRegion,
    pub(crate) rules: Rules,
    pub(crate) size: QueueSize,
    pub(crate) interrupts: Interrupts,
}

/// Where both sides are.
#[derive(Debug)]
enum State {
    Split(Split),
    Packed(Packed),
}

impl Common {
    /// Reads an index, flags or an event that the device writes, once.
    pub(crate) fn load(&self, offset: usize) -> u16 {
        let value = self.memory.load(offset);
        self.rules.barriers.behind_load();
        self.rules.order16(value)
    }

    /// Writes an index, flags or an event that the device reads.
    pub(crate) fn store(&self, offset: usize, value: u16) {
        self.rules.barriers.before_store();
        self.memory.store(offset, self.rules.order16(value));
    }

    /// Whether events are of use: the device is to interrupt, and at an index.
    pub(crate) fn arms(&self) -> bool {
        self.rules.events == Events::Index && self.interrupts == Interrupts::Enabled
    }
}

impl Ring {
    pub(crate) fn layout(rules: Rules, size: QueueSize) -> Layout {
        let (end, align) = match rules.format {
            Format::Split => Split::extent(rules, size),
            Format::Packed => Packed::extent(size),
        };
        // Below 1 MiB for the largest ring, so that only the compiler cannot know that this is a layout.
        Layout::from_size_align(end, align).unwrap_or(Layout::new::<Desc>())
    }

    /// A ring in memory that was allocated with at least [`Ring::layout`]; all of the memory is zeroed.
    pub(crate) fn new(rules: Rules, mut memory: DmaRegion, size: QueueSize) -> Self {
        memory.zero();
        let common = Common { memory, rules, size, interrupts: Interrupts::Enabled };
        let state = match rules.format {
            Format::Split => State::Split(Split::START),
            Format::Packed => State::Packed(Packed::start(&common)),
        };
        Self { common, state }
    }

    pub(crate) fn rules(&self) -> Rules {
        self.common.rules
    }

    pub(crate) fn memory(&self) -> &DmaRegion {
        &self.common.memory
    }

    /// Where the next buffer will be made available.
    pub(crate) fn position(&self) -> RingPosition {
        match &self.state {
            State::Split(ring) => ring.position(),
            State::Packed(ring) => ring.position(),
        }
    }

    pub(crate) fn addresses(&self) -> RingAddresses {
        let Common { memory, rules, size, .. } = &self.common;
        let (driver, device) = match rules.format {
            Format::Split => Split::parts(*rules, *size),
            Format::Packed => Packed::parts(*size),
        };
        let start = memory.device_address();
        let at = |offset: usize| DeviceAddress(start.0.wrapping_add(offset as u64));
        RingAddresses { descriptors: start, driver: at(driver), device: at(device) }
    }

    pub(crate) fn size(&self) -> QueueSize {
        self.common.size
    }

    pub(crate) fn into_memory(self) -> DmaRegion {
        self.common.memory
    }

    /// Fills the next descriptor of a buffer that starts at `head`. `id` is a free descriptor of the table.
    pub(crate) fn describe(&mut self, head: u16, id: u16, element: &Element, link: Link) {
        match &mut self.state {
            State::Split(_) => Split::describe(&self.common, id, element, link),
            State::Packed(ring) => ring.describe(&self.common, head, element, link),
        }
    }

    /// Makes the buffer available whose descriptors were filled since the last one.
    pub(crate) fn make_available(&mut self, head: u16) {
        match &mut self.state {
            State::Split(ring) => ring.make_available(&self.common, head),
            State::Packed(ring) => ring.make_available(&self.common),
        }
    }

    /// Whether the device wants to be told of the buffers that were made available since this was asked last.
    pub(crate) fn wants_notification(&mut self) -> bool {
        // Orders what was made available before the look at what the device wants ("Notifying The Device", 2.7.13.4, and
        // "Sending Available Buffer Notifications", 2.8.21.3): else both sides could miss what the other has just written.
        self.common.rules.barriers.full();
        match &mut self.state {
            State::Split(ring) => ring.wants_notification(&self.common),
            State::Packed(ring) => ring.wants_notification(&self.common),
        }
    }

    pub(crate) fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.common.interrupts = interrupts;
        match &mut self.state {
            State::Split(ring) => ring.set_interrupts(&self.common),
            State::Packed(ring) => ring.set_interrupts(&self.common),
        }
        // Orders that before the next look at what was used ("Receiving Used Buffers", 2.7.14).
        self.common.rules.barriers.full();
    }

    /// What the device has used next, if it holds `held` buffers.
    pub(crate) fn next_used(&mut self, held: u16) -> Next {
        let next = self.look(held);
        if next != Next::Nothing || !self.common.arms() || !self.rearm() {
            return next;
        }
        // Orders the event before another look at what was used ("Receiving Used Buffers", 2.7.14).
        self.common.rules.barriers.full();
        self.look(held)
    }

    fn look(&self, held: u16) -> Next {
        match &self.state {
            State::Split(ring) => ring.look(&self.common, held),
            State::Packed(ring) => ring.look(&self.common),
        }
    }

    /// Moves the event to the next used buffer. Whether it was moved, so that another look is needed.
    fn rearm(&mut self) -> bool {
        match &mut self.state {
            State::Split(ring) => ring.rearm(&self.common),
            State::Packed(ring) => ring.rearm(&self.common),
        }
    }

    /// Goes past a used buffer of so many descriptors.
    pub(crate) fn advance(&mut self, descriptors: u16) {
        match &mut self.state {
            State::Split(ring) => ring.advance(),
            State::Packed(ring) => ring.advance(descriptors, self.common.size),
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
