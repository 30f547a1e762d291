//! The packed ring ("Packed Virtqueues", 2.8): one ring of descriptors that both sides write, each with a wrap counter.

use core::alloc::Layout;
use core::mem::offset_of;

use aerostat_spec::ring::{DescFlags, EventFlags, EventMode, EventPosition, EventSuppress, PackedDesc};

use crate::dma::{DeviceAddress, DmaRegion};
use crate::queue::ring::{Link, Next, passed};
use crate::queue::rules::{Events, Rules};
use crate::queue::split::{Interrupts, RingAddresses};
use crate::queue::{Access, Element, QueueSize, RingPosition};

const DESC: usize = size_of::<PackedDesc>();
const EVENT: usize = size_of::<EventSuppress>();

/// A place in the ring, with the value that the wrap counter has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    slot: u16,
    wrap: bool,
}

impl Place {
    const START: Self = Self { slot: 0, wrap: true };

    /// The place `descriptors` further on. No buffer has more descriptors than the ring.
    fn after(self, descriptors: u16, size: QueueSize) -> Self {
        match self.slot.wrapping_add(descriptors).checked_sub(size.get()) {
            Some(slot) => Self { slot, wrap: !self.wrap },
            None => Self { slot: self.slot.wrapping_add(descriptors), wrap: self.wrap },
        }
    }

    fn position(self) -> u16 {
        EventPosition::new().with_wrap(self.wrap).into_bits() | self.slot
    }
}

/// A packed ring in shared memory.
#[derive(Debug)]
pub(crate) struct Packed {
    memory: DmaRegion,
    rules: Rules,
    size: QueueSize,
    interrupts: Interrupts,
    /// Where the buffer starts that is being put together, and the flags of its first descriptor, which publish it.
    first: Option<(u16, u16)>,
    /// Where the next descriptor goes.
    next: Place,
    /// Where the next used descriptor will be.
    used: Place,
    /// Descriptors made available since the device was last told, or did not want to be.
    fresh: u16,
    /// For which place the device was last asked to interrupt.
    armed: Option<Place>,
}

impl Packed {
    pub(crate) fn layout(size: QueueSize) -> Layout {
        let end = DESC * usize::from(size.get()) + 2 * EVENT;
        // At most 512 KiB and 8 bytes, so that only the compiler cannot know that this is a layout.
        Layout::from_size_align(end, 16).unwrap_or(Layout::new::<PackedDesc>())
    }

    pub(crate) fn new(memory: DmaRegion, rules: Rules, size: QueueSize) -> Self {
        let (next, used) = (Place::START, Place::START);
        let interrupts = Interrupts::Wanted;
        let ring = Self { memory, rules, size, interrupts, first: None, next, used, fresh: 0, armed: None };
        ring.write_event(EventMode::Enable, 0);
        ring
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    pub(crate) const fn memory(&self) -> &DmaRegion {
        &self.memory
    }

    /// Where the next descriptor goes.
    pub(crate) fn position(&self) -> RingPosition {
        RingPosition(self.next.position())
    }

    /// Reads flags or an event that the device writes, once.
    fn load(&self, offset: usize) -> u16 {
        let value = self.memory.load(offset);
        self.rules.barriers.behind_load();
        u16::from_le(value)
    }

    /// Writes flags or an event that the device reads.
    fn store(&self, offset: usize, value: u16) {
        self.rules.barriers.before_store();
        self.memory.store(offset, value.to_le());
    }

    fn driver_event(&self) -> usize {
        DESC * usize::from(self.size.get())
    }

    fn device_event(&self) -> usize {
        self.driver_event() + EVENT
    }

    pub(crate) fn addresses(&self) -> RingAddresses {
        let start = self.memory.device_address();
        let at = |offset: usize| DeviceAddress(start.0.wrapping_add(offset as u64));
        RingAddresses { descriptors: start, driver: at(self.driver_event()), device: at(self.device_event()) }
    }

    pub(crate) fn into_memory(self) -> DmaRegion {
        self.memory
    }

    pub(crate) const fn size(&self) -> QueueSize {
        self.size
    }

    /// Fills the next descriptor of the buffer `id`. The first one is published last, by
    /// [`make_available`](Self::make_available).
    pub(crate) fn describe(&mut self, id: u16, element: &Element, link: Link) {
        let Place { slot, wrap } = self.next;
        let at = DESC * usize::from(slot);
        self.memory.write(at + offset_of!(PackedDesc, addr), element.address.0.to_le());
        self.memory.write(at + offset_of!(PackedDesc, len), element.len.to_le());
        self.memory.write(at + offset_of!(PackedDesc, id), id.to_le());
        let writes = element.access == Access::DeviceWrites;
        let flags = DescFlags::new().with_write(writes).with_avail(wrap).with_used(!wrap);
        let flags = match link {
            Link::End => flags,
            Link::Next(_) => flags.with_next(true),
            Link::Table => flags.with_indirect(true),
        };
        let flags = flags.into_bits();
        match self.first {
            None => self.first = Some((slot, flags)),
            Some(_) => self.memory.write(at + offset_of!(PackedDesc, flags), flags.to_le()),
        }
        self.next = self.next.after(1, self.size);
        self.fresh = self.fresh.saturating_add(1);
    }

    pub(crate) fn make_available(&mut self) {
        if let Some((slot, flags)) = self.first.take() {
            // Release: orders everything else of the buffer before the flags that publish it ("Updating flags", 2.8.21.1).
            self.store(DESC * usize::from(slot) + offset_of!(PackedDesc, flags), flags);
        }
    }

    pub(crate) fn wants_notification(&mut self) -> bool {
        // Orders the descriptors before the event structure ("Sending Available Buffer Notifications", 2.8.21.3).
        self.rules.barriers.full();
        let fresh = core::mem::take(&mut self.fresh);
        let at = self.device_event();
        let flags = EventFlags::from_bits(self.load(at + offset_of!(EventSuppress, flags)));
        match EventMode::from_raw(flags.mode()) {
            EventMode::Disable => false,
            EventMode::Desc if self.rules.events == Events::Index => {
                // Acquire in `load` orders the flags before the position that they speak of.
                let position = EventPosition::from_bits(self.load(at + offset_of!(EventSuppress, desc)));
                let new = self.next.slot;
                // A place of the other turn is one ring's length away.
                let event = match position.wrap() == self.next.wrap {
                    true => position.offset(),
                    false => position.offset().wrapping_sub(self.size.get()),
                };
                passed(event, new.wrapping_sub(fresh), new)
            }
            // Reserved values, too, must not lose a notification.
            _ => true,
        }
    }

    pub(crate) fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.interrupts = interrupts;
        self.armed = None;
        match interrupts {
            Interrupts::Unwanted => self.write_event(EventMode::Disable, 0),
            Interrupts::Wanted => self.arm(),
        }
        // Orders the event structure before the next look at the ring.
        self.rules.barriers.full();
    }

    /// Asks for an interrupt at the next used descriptor.
    fn arm(&mut self) {
        self.armed = Some(self.used);
        match self.rules.events {
            Events::Flags => self.write_event(EventMode::Enable, 0),
            Events::Index => self.write_event(EventMode::Desc, self.used.position()),
        }
    }

    fn write_event(&self, mode: EventMode, position: u16) {
        let at = self.driver_event();
        self.store(at + offset_of!(EventSuppress, desc), position);
        let flags = u16::from(mode.to_raw());
        self.store(at + offset_of!(EventSuppress, flags), flags);
    }

    pub(crate) fn next_used(&mut self) -> Next {
        match self.look() {
            Next::Nothing if self.rearm() => self.look(),
            next => next,
        }
    }

    /// Moves the event to where the next used descriptor will be. Whether it was moved, so that another look is needed.
    fn rearm(&mut self) -> bool {
        let moves = self.rules.events == Events::Index
            && self.interrupts == Interrupts::Wanted
            && self.armed != Some(self.used);
        if moves {
            self.arm();
            self.rules.barriers.full();
        }
        moves
    }

    fn look(&self) -> Next {
        let at = DESC * usize::from(self.used.slot);
        // Acquire: orders the flags before the rest of the descriptor.
        let flags = DescFlags::from_bits(self.load(at + offset_of!(PackedDesc, flags)));
        if flags.avail() != self.used.wrap || flags.used() != self.used.wrap {
            return Next::Nothing;
        }
        let id = u16::from_le(self.memory.read::<u16>(at + offset_of!(PackedDesc, id)));
        let length = u32::from_le(self.memory.read::<u32>(at + offset_of!(PackedDesc, len)));
        // The specification has the length only with the write flag ("Element Address and Length", 2.8.5), which QEMU's
        // devices never set. It is held against the buffer anyway.
        Next::Buffer { id: id.into(), length }
    }

    pub(crate) fn advance(&mut self, descriptors: u16) {
        self.used = self.used.after(descriptors, self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_wraps_at_the_end_of_a_ring_of_any_size() {
        for size in [1, 3, 5, 32768] {
            let size = QueueSize::packed(size).unwrap();
            let mut place = Place::START;
            for _ in 0..size.get() {
                place = place.after(1, size);
            }
            assert_eq!(place, Place { slot: 0, wrap: false });
        }
        let size = QueueSize::packed(5).unwrap();
        assert_eq!(Place { slot: 4, wrap: true }.after(3, size), Place { slot: 2, wrap: false });
        assert_eq!(Place { slot: 0, wrap: false }.after(5, size), Place { slot: 0, wrap: true });
    }
}
