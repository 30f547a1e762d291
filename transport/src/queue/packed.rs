//! The packed ring ("Packed Virtqueues", 2.8): one ring of descriptors that both sides write, each with a wrap counter.

use core::mem::offset_of;

use aerostat_spec::ring::{DescFlags, EventFlags, EventMode, EventPosition, EventSuppress, PackedDesc};
use zerocopy::transmute;

use crate::queue::ring::{Common, Link, Next, passed};
use crate::queue::rules::Events;
use crate::queue::split::Interrupts;
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

/// Where both sides of a packed ring are.
#[derive(Debug)]
pub(crate) struct Packed {
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
    /// That of a new ring, whose memory is all zero but for what is written here.
    pub(crate) fn start(common: &Common) -> Self {
        write_event(common, EventMode::Enable, 0);
        Self { first: None, next: Place::START, used: Place::START, fresh: 0, armed: None }
    }

    /// Length and alignment of the memory that a ring of this size takes.
    pub(crate) fn extent(size: QueueSize) -> (usize, usize) {
        (device_event(size) + EVENT, 16)
    }

    /// Offsets of the event structures that driver and device write.
    pub(crate) fn parts(size: QueueSize) -> (usize, usize) {
        (driver_event(size), device_event(size))
    }

    /// Where the next descriptor goes.
    pub(crate) fn position(&self) -> RingPosition {
        RingPosition(self.next.position())
    }

    /// Fills the next descriptor of the buffer `id`. The first one is published last, by
    /// [`make_available`](Self::make_available).
    pub(crate) fn describe(&mut self, common: &Common, id: u16, element: &Element, link: Link) {
        let Place { slot, wrap } = self.next;
        let writes = element.access == Access::DeviceWrites;
        let flags = DescFlags::new().with_write(writes).with_avail(wrap).with_used(!wrap);
        let flags = match link {
            Link::End => flags,
            Link::Next(_) => flags.with_next(true),
            Link::Table => flags.with_indirect(true),
        };
        let flags = flags.into_bits();
        let stored = match self.first {
            None => {
                self.first = Some((slot, flags));
                // Flags that say of no turn that the descriptor is available, until it is published.
                0
            }
            Some(_) => flags,
        };
        common.memory.write_pair(DESC * usize::from(slot), descriptor(element, id, stored));
        self.next = self.next.after(1, common.size);
        self.fresh = self.fresh.saturating_add(1);
    }

    pub(crate) fn make_available(&mut self, common: &Common) {
        if let Some((slot, flags)) = self.first.take() {
            // Release: orders everything else of the buffer before the flags that publish it ("Updating flags", 2.8.21.1).
            common.store(DESC * usize::from(slot) + offset_of!(PackedDesc, flags), flags);
        }
    }

    pub(crate) fn wants_notification(&mut self, common: &Common) -> bool {
        let fresh = core::mem::take(&mut self.fresh);
        let at = device_event(common.size);
        let flags = EventFlags::from_bits(common.load(at + offset_of!(EventSuppress, flags)));
        match EventMode::from_raw(flags.mode()) {
            EventMode::Disable => false,
            EventMode::Desc if common.rules.events == Events::Index => {
                // Acquire in `load` orders the flags before the position that they speak of.
                let position = EventPosition::from_bits(common.load(at + offset_of!(EventSuppress, desc)));
                let new = self.next.slot;
                // A place of the other turn is one ring's length away.
                let event = match position.wrap() == self.next.wrap {
                    true => position.offset(),
                    false => position.offset().wrapping_sub(common.size.get()),
                };
                passed(event, new.wrapping_sub(fresh), new)
            }
            // Reserved values, too, must not lose a notification.
            _ => true,
        }
    }

    pub(crate) fn set_interrupts(&mut self, common: &Common) {
        self.armed = None;
        match common.interrupts {
            Interrupts::Disabled => write_event(common, EventMode::Disable, 0),
            Interrupts::Enabled => self.arm(common),
        }
    }

    /// Asks for an interrupt at the next used descriptor.
    fn arm(&mut self, common: &Common) {
        self.armed = Some(self.used);
        match common.rules.events {
            Events::Flags => write_event(common, EventMode::Enable, 0),
            Events::Index => write_event(common, EventMode::Desc, self.used.position()),
        }
    }

    /// Moves the event to where the next used descriptor will be. Whether it was moved.
    pub(crate) fn rearm(&mut self, common: &Common) -> bool {
        let moves = self.armed != Some(self.used);
        if moves {
            self.arm(common);
        }
        moves
    }

    /// What the device has used next.
    pub(crate) fn look(&self, common: &Common) -> Next {
        let at = DESC * usize::from(self.used.slot);
        // Acquire: orders the flags before the rest of the descriptor.
        let flags = DescFlags::from_bits(common.load(at + offset_of!(PackedDesc, flags)));
        if flags.avail() != self.used.wrap || flags.used() != self.used.wrap {
            return Next::Nothing;
        }
        let id = u16::from_le(common.memory.read::<u16>(at + offset_of!(PackedDesc, id)));
        let length = u32::from_le(common.memory.read::<u32>(at + offset_of!(PackedDesc, len)));
        // The specification has the length only with the write flag ("Element Address and Length", 2.8.5), which QEMU's
        // devices never set. It is held against the buffer anyway.
        Next::Buffer { id: id.into(), length }
    }

    /// Goes past a used buffer of so many descriptors.
    pub(crate) fn advance(&mut self, descriptors: u16, size: QueueSize) {
        self.used = self.used.after(descriptors, size);
    }
}

/// A descriptor as it is stored, in two words.
pub(crate) fn descriptor(element: &Element, id: u16, flags: u16) -> [u64; 2] {
    transmute!(PackedDesc::new(element.address.0, element.len, id, flags))
}

/// Offset of the event structure that the driver writes.
fn driver_event(size: QueueSize) -> usize {
    DESC * usize::from(size.get())
}

/// Offset of the event structure that the device writes.
fn device_event(size: QueueSize) -> usize {
    driver_event(size) + EVENT
}

fn write_event(common: &Common, mode: EventMode, position: u16) {
    let at = driver_event(common.size);
    common.store(at + offset_of!(EventSuppress, desc), position);
    common.store(at + offset_of!(EventSuppress, flags), mode.to_raw().into());
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
