//! The packed ring ("Packed Virtqueues", 2.8): one descriptor ring that both sides write, each with a wrap counter.

use core::mem::offset_of;

use aerostat_spec::ring::{DescFlags, EventFlags, EventMode, EventPosition, EventSuppress, PackedDesc};
use zerocopy::transmute;

use crate::ring::element::{Access, Element, Interrupts};
use crate::ring::rules::{Events, RuleBounds};
use crate::ring::shared::{Link, NextUsed, RingShared, passes_event};
use crate::ring::size::{QueueSize, RingPosition};

// The flags of a descriptor, as constants for the code that fills each descriptor.
/// The "available" flag alone: the descriptor is available while the wrap counter is 1.
const AVAILABLE: u16 = DescFlags::new().with_avail(true).into_bits();
/// The "used" flag alone: the descriptor is available while the wrap counter is 0.
const USED: u16 = DescFlags::new().with_used(true).into_bits();
const WRITE: u16 = DescFlags::new().with_write(true).into_bits();
const NEXT: u16 = DescFlags::new().with_next(true).into_bits();
const INDIRECT: u16 = DescFlags::new().with_indirect(true).into_bits();

const DESC: usize = size_of::<PackedDesc>();
const EVENT: usize = size_of::<EventSuppress>();

/// A slot of the ring, with the wrap counter there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RingCursor {
    slot: u16,
    wrap: bool,
}

impl RingCursor {
    const START: Self = Self { slot: 0, wrap: true };

    /// Returns the cursor moved forward. A buffer has at most as many descriptors as the ring.
    #[inline]
    fn after(self, descriptors: u16, size: QueueSize) -> Self {
        match self.slot.wrapping_add(descriptors).checked_sub(size.get()) {
            Some(slot) => Self { slot, wrap: !self.wrap },
            None => Self { slot: self.slot.wrapping_add(descriptors), wrap: self.wrap },
        }
    }

    #[inline]
    fn position(self) -> u16 {
        EventPosition::new().with_wrap(self.wrap).into_bits() | self.slot
    }
}

/// The first descriptor of a buffer that is being added. Its flags publish the buffer and are written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unpublished {
    slot: u16,
    flags: u16,
}

/// The driver's cursors in a packed ring.
#[derive(Debug)]
pub(crate) struct Packed {
    unpublished: Option<Unpublished>,
    /// The next descriptor to fill.
    next_available: RingCursor,
    /// The next descriptor that the device will mark as used.
    next_used: RingCursor,
    /// Descriptors filled since the device was last notified or the notification was suppressed.
    added_since_notify: u16,
    /// The position that the driver last requested an interrupt at.
    interrupt_at: Option<RingCursor>,
}

impl Packed {
    /// The cursors of a new ring.
    pub(crate) const START: Self = Self {
        unpublished: None,
        next_available: RingCursor::START,
        next_used: RingCursor::START,
        added_since_notify: 0,
        interrupt_at: None,
    };

    /// Returns length and alignment in bytes of a ring of this size.
    pub(crate) fn extent(size: QueueSize) -> (usize, usize) {
        (device_event(size) + EVENT, 16)
    }

    /// Returns the offsets of the event structures that the driver and the device write.
    pub(crate) fn parts(size: QueueSize) -> (usize, usize) {
        (driver_event(size), device_event(size))
    }

    /// Returns the position of the next descriptor to fill.
    #[inline]
    pub(crate) fn position(&self) -> RingPosition {
        RingPosition(self.next_available.position())
    }

    /// Fills the next descriptor of the buffer `id`. [`make_available`](Self::make_available) publishes the first one.
    #[inline]
    pub(crate) fn describe(&mut self, shared: &RingShared, id: u16, element: &Element, link: Link) {
        let RingCursor { slot, wrap } = self.next_available;
        let writes = element.access == Access::DeviceWrites;
        let flags = if wrap { AVAILABLE } else { USED }
            | if writes { WRITE } else { 0 }
            | match link {
                Link::End => 0,
                Link::Next(_) => NEXT,
                Link::Table => INDIRECT,
            };
        let stored = match self.unpublished {
            None => {
                self.unpublished = Some(Unpublished { slot, flags });
                // Equal "available" and "used" bits: the descriptor is not available with either wrap counter.
                0
            }
            Some(_) => flags,
        };
        shared.memory.write_pair(DESC * usize::from(slot), descriptor(element, id, stored));
        self.next_available = self.next_available.after(1, shared.size);
        self.added_since_notify = self.added_since_notify.saturating_add(1);
    }

    /// Publishes the buffer whose descriptors were filled since the last call.
    // conformance: construct ring.packed.desc.2, ring.packed.sg.7, ring.packed.supply.1: the flags of the first
    // descriptor are stored last
    // conformance: construct ring.packed.supply.2, ring.packed.flags.1: stored with release order behind
    // `Barriers::before_store`
    pub(crate) fn make_available<B: RuleBounds>(&mut self, shared: &RingShared) {
        if let Some(Unpublished { slot, flags }) = self.unpublished.take() {
            // Release: orders the rest of the buffer before the flags that publish it ("Updating flags", 2.8.21.1).
            shared.store::<B>(DESC * usize::from(slot) + offset_of!(PackedDesc, flags), flags);
        }
    }

    /// Returns whether the device wants a notification of the descriptors filled since the last call.
    pub(crate) fn wants_notification<B: RuleBounds>(&mut self, shared: &RingShared) -> bool {
        let added = core::mem::take(&mut self.added_since_notify);
        let at = device_event(shared.size);
        let flags = EventFlags::from_bits(shared.load::<B>(at + offset_of!(EventSuppress, flags)));
        match EventMode::from_raw(flags.mode()) {
            EventMode::Disable => false,
            EventMode::Desc if shared.rules::<B>().events == Events::Index => {
                self.passed_device_event::<B>(shared, added)
            }
            // A reserved mode must not lose a notification.
            _ => true,
        }
    }

    /// Returns whether the last `added` descriptors include the one at which the device wants a notification.
    fn passed_device_event<B: RuleBounds>(&self, shared: &RingShared, added: u16) -> bool {
        // The acquiring load of the flags orders them before the position that belongs to them.
        let at = device_event(shared.size) + offset_of!(EventSuppress, desc);
        let event = EventPosition::from_bits(shared.load::<B>(at));
        let new = self.next_available.slot;
        // With the other wrap counter, the slot is one ring length behind.
        let offset = match event.wrap() == self.next_available.wrap {
            true => event.offset(),
            false => event.offset().wrapping_sub(shared.size.get()),
        };
        passes_event(offset, new.wrapping_sub(added), new)
    }

    pub(crate) fn set_interrupts<B: RuleBounds>(&mut self, shared: &RingShared) {
        self.interrupt_at = None;
        match shared.interrupts {
            Interrupts::Disabled => write_driver_event::<B>(shared, EventMode::Disable, 0),
            Interrupts::Enabled => self.request_interrupt::<B>(shared),
        }
    }

    /// Asks for an interrupt at the next used descriptor.
    fn request_interrupt<B: RuleBounds>(&mut self, shared: &RingShared) {
        self.interrupt_at = Some(self.next_used);
        match shared.rules::<B>().events {
            Events::Flags => write_driver_event::<B>(shared, EventMode::Enable, 0),
            Events::Index => write_driver_event::<B>(shared, EventMode::Desc, self.next_used.position()),
        }
    }

    /// Asks for an interrupt at the next used descriptor. Returns whether that changed the event.
    pub(crate) fn request_next_interrupt<B: RuleBounds>(&mut self, shared: &RingShared) -> bool {
        let changes = self.interrupt_at != Some(self.next_used);
        if changes {
            self.request_interrupt::<B>(shared);
        }
        changes
    }

    /// Returns the next used descriptor, without going past it.
    // conformance: deviation ring.packed.used.1: QEMU's devices never set the flag, so the driver ignores it and
    // checks the length against the buffer
    pub(crate) fn peek_used<B: RuleBounds>(&self, shared: &RingShared) -> NextUsed {
        let at = DESC * usize::from(self.next_used.slot);
        // Acquire: orders the flags before the rest of the descriptor.
        let flags = DescFlags::from_bits(shared.load::<B>(at + offset_of!(PackedDesc, flags)));
        if flags.avail() != self.next_used.wrap || flags.used() != self.next_used.wrap {
            return NextUsed::Nothing;
        }
        let id = u16::from_le(shared.memory.read::<u16>(at + offset_of!(PackedDesc, id)));
        let length = u32::from_le(shared.memory.read::<u32>(at + offset_of!(PackedDesc, len)));
        // The specification makes the length valid only with the write flag ("Element Address and Length", 2.8.5), which
        // QEMU never sets. The length is checked against the buffer in any case.
        NextUsed::Buffer { id: id.into(), length }
    }

    /// Goes past a used buffer of this many descriptors.
    #[inline]
    pub(crate) fn advance(&mut self, descriptors: u16, size: QueueSize) {
        self.next_used = self.next_used.after(descriptors, size);
    }
}

/// Enables interrupts in a new ring, whose memory is all zero.
pub(crate) fn init<B: RuleBounds>(shared: &RingShared) {
    write_driver_event::<B>(shared, EventMode::Enable, 0);
}

/// Encodes a descriptor as two words.
#[inline]
pub(crate) fn descriptor(element: &Element, id: u16, flags: u16) -> [u64; 2] {
    transmute!(PackedDesc::new(element.address.0, element.len, id, flags))
}

/// Offset of the event structure that the driver writes.
#[inline]
fn driver_event(size: QueueSize) -> usize {
    DESC * usize::from(size.get())
}

/// Offset of the event structure that the device writes.
#[inline]
fn device_event(size: QueueSize) -> usize {
    driver_event(size) + EVENT
}

fn write_driver_event<B: RuleBounds>(shared: &RingShared, mode: EventMode, position: u16) {
    let at = driver_event(shared.size);
    shared.store::<B>(at + offset_of!(EventSuppress, desc), position);
    shared.store::<B>(at + offset_of!(EventSuppress, flags), mode.to_raw().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_wraps_at_the_end_of_a_ring_of_any_size() {
        // The largest ring takes long in Miri.
        let largest = if cfg!(miri) { 300 } else { 32768 };
        for size in [1, 3, 5, largest] {
            let size = QueueSize::packed(size).unwrap();
            let mut cursor = RingCursor::START;
            for _ in 0..size.get() {
                cursor = cursor.after(1, size);
            }
            assert_eq!(cursor, RingCursor { slot: 0, wrap: false });
        }
        let size = QueueSize::packed(5).unwrap();
        assert_eq!(RingCursor { slot: 4, wrap: true }.after(3, size), RingCursor { slot: 2, wrap: false });
        assert_eq!(RingCursor { slot: 0, wrap: false }.after(5, size), RingCursor { slot: 0, wrap: true });
    }
}
