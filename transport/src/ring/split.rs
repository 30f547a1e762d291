//! The split ring ("Split Virtqueues", 2.7).

use core::mem::offset_of;

use aerostat_spec::Interface;
use aerostat_spec::ring::{self, Avail, Desc, Used, UsedElem};
use zerocopy::{LittleEndian, NativeEndian, transmute};

use crate::ring::addresses::LEGACY_ALIGN;
use crate::ring::element::{Access, Element, Interrupts};
use crate::ring::rules::{Events, RuleBounds, Rules};
use crate::ring::shared::{Link, NextUsed, RingShared, passes_event};
use crate::ring::size::{QueueSize, RingPosition};

const DESC: usize = size_of::<Desc>();
const AVAIL: usize = size_of::<Avail>();
const USED: usize = size_of::<Used>();
const USED_ELEM: usize = size_of::<UsedElem>();
/// Size in bytes of a ring index and of an entry of the available ring.
const INDEX: usize = size_of::<u16>();
/// Alignment of the used ring on the modern interface, in bytes.
const USED_ALIGN: usize = 4;
/// Alignment of a ring on the modern interface, in bytes.
const ALIGN: usize = 16;

/// The driver's indexes of a split ring. They are free-running and wrap at 65536.
#[derive(Debug)]
pub(crate) struct Split {
    next_available: u16,
    next_used: u16,
    /// The available index when the device was last notified or the notification was suppressed.
    notified: u16,
    /// The used index that the driver last requested an interrupt at.
    interrupt_at: u16,
}

impl Split {
    /// The indexes of a new ring.
    pub(crate) const START: Self = Self { next_available: 0, next_used: 0, notified: 0, interrupt_at: 0 };

    /// Returns length and alignment in bytes of a ring of this size.
    pub(crate) fn extent(rules: Rules, size: QueueSize) -> (usize, usize) {
        let end = used(rules, size) + USED + USED_ELEM * usize::from(size.get()) + INDEX;
        match rules.interface {
            Interface::Modern => (end, ALIGN),
            Interface::Legacy => (end.next_multiple_of(LEGACY_ALIGN), LEGACY_ALIGN),
        }
    }

    /// Returns the offsets of the available ring and the used ring.
    pub(crate) fn parts(rules: Rules, size: QueueSize) -> (usize, usize) {
        (avail(size), used(rules, size))
    }

    /// Returns the available index.
    #[inline]
    pub(crate) const fn position(&self) -> RingPosition {
        RingPosition(self.next_available)
    }

    /// Fills the descriptor `id`.
    pub(crate) fn describe<B: RuleBounds>(shared: &RingShared, id: u16, element: &Element, link: Link) {
        let flags = ring::DescFlags::new().with_write(element.access == Access::DeviceWrites);
        let (flags, next) = match link {
            Link::End => (flags, 0),
            Link::Next(next) => (flags.with_next(true), next),
            Link::Table => (flags.with_indirect(true), 0),
        };
        shared.memory.write_pair(DESC * usize::from(id), descriptor(shared.rules::<B>(), element, flags, next));
    }

    /// Puts the buffer that starts at `head` into the available ring and publishes it.
    // conformance: construct ring.split.supply.1, ring.split.idx.1: the index is stored last, with release order
    // behind `Barriers::before_store`
    pub(crate) fn make_available<B: RuleBounds>(&mut self, shared: &RingShared, head: u16) {
        let index = self.next_available;
        self.next_available = index.wrapping_add(1);
        let avail = avail(shared.size);
        shared.memory.write(avail + AVAIL + INDEX * shared.size.slot(index), shared.rules::<B>().order16(head));
        // Orders the descriptors and the ring entry before the index that publishes them ("Updating idx", 2.7.13.3).
        shared.store::<B>(avail + offset_of!(Avail, idx), index.wrapping_add(1));
    }

    /// Returns whether the device wants a notification of the buffers made available since the last call.
    pub(crate) fn wants_notification<B: RuleBounds>(&mut self, shared: &RingShared) -> bool {
        let (old, new) = (core::mem::replace(&mut self.notified, self.next_available), self.next_available);
        let used = used(shared.rules::<B>(), shared.size);
        match shared.rules::<B>().events {
            Events::Flags => {
                let flags = shared.load::<B>(used + offset_of!(Used, flags));
                !ring::UsedFlags::from_bits(flags).no_notify()
            }
            Events::Index => {
                let avail_event = used + USED + USED_ELEM * usize::from(shared.size.get());
                passes_event(shared.load::<B>(avail_event), old, new)
            }
        }
    }

    pub(crate) fn set_interrupts<B: RuleBounds>(&mut self, shared: &RingShared) {
        match (shared.rules::<B>().events, shared.interrupts) {
            (Events::Flags, interrupts) => {
                let flags = ring::AvailFlags::new().with_no_interrupt(interrupts == Interrupts::Disabled).into_bits();
                shared.store::<B>(avail(shared.size) + offset_of!(Avail, flags), flags);
            }
            (Events::Index, Interrupts::Enabled) => self.request_interrupt::<B>(shared, self.next_used),
            // The index before the next one is the farthest: the device reaches it after 65535 more buffers.
            (Events::Index, Interrupts::Disabled) => {
                self.request_interrupt::<B>(shared, self.next_used.wrapping_sub(1))
            }
        }
    }

    /// Asks for an interrupt when the used index passes `event`.
    fn request_interrupt<B: RuleBounds>(&mut self, shared: &RingShared, event: u16) {
        self.interrupt_at = event;
        let used_event = avail(shared.size) + AVAIL + INDEX * usize::from(shared.size.get());
        shared.store::<B>(used_event, event);
    }

    /// Returns the next used entry, without going past it. `in_flight` is the number of buffers that the device holds.
    pub(crate) fn peek_used<B: RuleBounds>(&self, shared: &RingShared, in_flight: u16) -> NextUsed {
        let (used, from) = (used(shared.rules::<B>(), shared.size), self.next_used);
        // Acquire: orders the index before the entries that it publishes.
        let to = shared.load::<B>(used + offset_of!(Used, idx));
        match to.wrapping_sub(from) {
            0 => NextUsed::Nothing,
            pending if pending > in_flight => NextUsed::IndexJumped { from, to },
            _ => {
                let at = used + USED + USED_ELEM * shared.size.slot(from);
                let id = shared.memory.read::<u32>(at + offset_of!(UsedElem, id));
                let length = shared.memory.read::<u32>(at + offset_of!(UsedElem, len));
                NextUsed::Buffer { id: shared.rules::<B>().order32(id), length: shared.rules::<B>().order32(length) }
            }
        }
    }

    /// Asks for an interrupt at the next used buffer. Returns whether that changed the event.
    pub(crate) fn request_next_interrupt<B: RuleBounds>(&mut self, shared: &RingShared) -> bool {
        let changes = self.interrupt_at != self.next_used;
        if changes {
            self.request_interrupt::<B>(shared, self.next_used);
        }
        changes
    }

    /// Goes past a used entry.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.next_used = self.next_used.wrapping_add(1);
    }
}

/// Encodes a descriptor as two words, so it takes two stores.
#[inline]
pub(crate) fn descriptor(rules: Rules, element: &Element, flags: ring::DescFlags, next: u16) -> [u64; 2] {
    let (address, len) = (element.address.0, element.len);
    match rules.interface {
        Interface::Modern => transmute!(Desc::<LittleEndian>::new(address, len, flags, next)),
        Interface::Legacy => transmute!(Desc::<NativeEndian>::new(address, len, flags, next)),
    }
}

/// Offset of the available ring.
#[inline]
fn avail(size: QueueSize) -> usize {
    DESC * usize::from(size.get())
}

/// Offset of the used ring.
#[inline]
fn used(rules: Rules, size: QueueSize) -> usize {
    let end = avail(size) + AVAIL + INDEX * usize::from(size.get()) + INDEX;
    end.next_multiple_of(match rules.interface {
        Interface::Modern => USED_ALIGN,
        Interface::Legacy => LEGACY_ALIGN,
    })
}
