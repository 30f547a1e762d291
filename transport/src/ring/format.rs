//! A ring of either format.

use core::alloc::Layout;

use aerostat_spec::Interface;
use aerostat_spec::ring::Desc;

use crate::dma::{DeviceAddress, DmaRegion};
use crate::ring::addresses::RingAddresses;
use crate::ring::element::{Element, Interrupts};
use crate::ring::packed::{self, Packed};
use crate::ring::rules::{Format, RuleBounds, Rules};
use crate::ring::shared::{Link, NextUsed, RingShared};
use crate::ring::size::{QueueSize, RingPosition};
use crate::ring::split::Split;

/// A ring in shared memory.
#[derive(Debug)]
pub(crate) struct Ring {
    shared: RingShared,
    /// In use if the format is [`Format::Split`].
    split: Split,
    /// In use if the format is [`Format::Packed`].
    packed: Packed,
}

// Each operation takes the bounds of the rules as a type: see `RuleBounds`.
impl Ring {
    /// Returns the layout of the memory of a ring of this size.
    pub(crate) fn layout(rules: Rules, size: QueueSize) -> Layout {
        let (end, align) = match rules.format {
            Format::Split => Split::extent(rules, size),
            Format::Packed => Packed::extent(size),
        };
        // The largest ring is shorter than 1 MiB, so the default is never used.
        Layout::from_size_align(end, align).unwrap_or(Layout::new::<Desc>())
    }

    /// Makes a ring in memory with at least [`Ring::layout`], and fills all of the memory with zeros.
    pub(crate) fn new<B: RuleBounds>(rules: Rules, mut memory: DmaRegion, size: QueueSize) -> Self {
        memory.zero();
        let shared = RingShared { memory, rules, size, interrupts: Interrupts::Enabled };
        if rules.within::<B>().format == Format::Packed {
            packed::init::<B>(&shared);
        }
        Self { shared, split: Split::START, packed: Packed::START }
    }

    /// Returns the rules within the bounds.
    #[inline(always)]
    pub(crate) const fn rules<B: RuleBounds>(&self) -> Rules {
        self.shared.rules::<B>()
    }

    #[inline(always)]
    const fn format<B: RuleBounds>(&self) -> Format {
        self.rules::<B>().format
    }

    /// Returns the interface that the device is driven through.
    pub(crate) fn interface(&self) -> Interface {
        self.shared.rules.interface
    }

    pub(crate) fn size(&self) -> QueueSize {
        self.shared.size
    }

    pub(crate) fn memory(&self) -> &DmaRegion {
        &self.shared.memory
    }

    pub(crate) fn into_memory(self) -> DmaRegion {
        self.shared.memory
    }

    /// Makes the ring what it was when it was new. The device must not know it.
    pub(crate) fn renew<B: RuleBounds>(&mut self) {
        self.shared.memory.zero();
        self.shared.interrupts = Interrupts::Enabled;
        (self.split, self.packed) = (Split::START, Packed::START);
        if self.format::<B>() == Format::Packed {
            packed::init::<B>(&self.shared);
        }
    }

    /// Returns the position for a notification that the device does not ask for.
    pub(crate) fn position_regardless<B: RuleBounds>(&self) -> RingPosition {
        // Orders the published buffers before the notification.
        self.shared.rules::<B>().barriers.full();
        self.position::<B>()
    }

    /// Returns the position for a notification of the buffers made available since the last call, if the device wants one.
    pub(crate) fn position_if_wanted<B: RuleBounds>(&mut self) -> Option<RingPosition> {
        self.wants_notification::<B>().then(|| self.position::<B>())
    }

    /// Returns the position at which the next buffer will be made available.
    fn position<B: RuleBounds>(&self) -> RingPosition {
        match self.format::<B>() {
            Format::Split => self.split.position(),
            Format::Packed => self.packed.position(),
        }
    }

    /// Returns the addresses to program into the device.
    pub(crate) fn addresses<B: RuleBounds>(&self) -> RingAddresses {
        Self::addresses_at::<B>(self.shared.rules, self.shared.size, self.shared.memory.device_address())
    }

    /// Returns the addresses of the parts of a ring of this size at `start`.
    pub(crate) fn addresses_at<B: RuleBounds>(rules: Rules, size: QueueSize, start: DeviceAddress) -> RingAddresses {
        let rules = rules.within::<B>();
        let (driver, device) = match rules.format {
            Format::Split => Split::parts(rules, size),
            Format::Packed => Packed::parts(size),
        };
        let at = |offset: usize| DeviceAddress(start.0.wrapping_add(offset as u64));
        RingAddresses { descriptors: start, driver: at(driver), device: at(device) }
    }

    /// Fills the next descriptor of the buffer that starts at `head`. `id` is a free descriptor.
    pub(crate) fn describe<B: RuleBounds>(&mut self, head: u16, id: u16, element: &Element, link: Link) {
        match self.format::<B>() {
            Format::Split => Split::describe::<B>(&self.shared, id, element, link),
            Format::Packed => self.packed.describe(&self.shared, head, element, link),
        }
    }

    /// Publishes the buffer whose descriptors were filled since the last call.
    pub(crate) fn make_available<B: RuleBounds>(&mut self, head: u16) {
        match self.format::<B>() {
            Format::Split => self.split.make_available::<B>(&self.shared, head),
            Format::Packed => self.packed.make_available::<B>(&self.shared),
        }
    }

    /// Returns whether the device wants a notification of the buffers made available since the last call.
    // conformance: construct ring.split.notify.1, ring.packed.notify.1: `Barriers::full` before the read, for both
    // formats
    fn wants_notification<B: RuleBounds>(&mut self) -> bool {
        // Orders the published buffers before the read of the suppression state ("Notifying The Device", 2.7.13.4, and
        // "Sending Available Buffer Notifications", 2.8.21.3). Without it, each side could miss the other's last write.
        self.shared.rules::<B>().barriers.full();
        match self.format::<B>() {
            Format::Split => self.split.wants_notification::<B>(&self.shared),
            Format::Packed => self.packed.wants_notification::<B>(&self.shared),
        }
    }

    // conformance: construct ring.split.receive.2, ring.packed.receive.2: `Barriers::full` before the next look of
    // the caller
    pub(crate) fn set_interrupts<B: RuleBounds>(&mut self, interrupts: Interrupts) {
        self.shared.interrupts = interrupts;
        match self.format::<B>() {
            Format::Split => self.split.set_interrupts::<B>(&self.shared),
            Format::Packed => self.packed.set_interrupts::<B>(&self.shared),
        }
        // Orders the request before the next read of used entries ("Receiving Used Buffers", 2.7.14).
        self.shared.rules::<B>().barriers.full();
    }

    /// Returns the next used entry, without going past it. If there is none, asks for an interrupt at the next one where
    /// event indexes are in use. `in_flight` is the number of buffers that the device holds.
    // conformance: construct ring.split.receive.2, ring.packed.receive.2: with an event index, `Barriers::full` and a
    // second look follow a new event
    pub(crate) fn next_used<B: RuleBounds>(&mut self, in_flight: u16) -> NextUsed {
        let next = self.peek_used::<B>(in_flight);
        if next != NextUsed::Nothing || !self.shared.uses_interrupt_events::<B>() || !self.request_next_interrupt::<B>()
        {
            return next;
        }
        // Orders the event before another read of used entries ("Receiving Used Buffers", 2.7.14).
        self.shared.rules::<B>().barriers.full();
        self.peek_used::<B>(in_flight)
    }

    fn peek_used<B: RuleBounds>(&self, in_flight: u16) -> NextUsed {
        match self.format::<B>() {
            Format::Split => self.split.peek_used::<B>(&self.shared, in_flight),
            Format::Packed => self.packed.peek_used::<B>(&self.shared),
        }
    }

    /// Asks for an interrupt at the next used entry. Returns whether that changed the event, so that the caller has to check again.
    fn request_next_interrupt<B: RuleBounds>(&mut self) -> bool {
        match self.format::<B>() {
            Format::Split => self.split.request_next_interrupt::<B>(&self.shared),
            Format::Packed => self.packed.request_next_interrupt::<B>(&self.shared),
        }
    }

    /// Goes past a used buffer of this many descriptors.
    pub(crate) fn advance<B: RuleBounds>(&mut self, descriptors: u16) {
        match self.format::<B>() {
            Format::Split => self.split.advance(),
            Format::Packed => self.packed.advance(descriptors, self.shared.size),
        }
    }
}
