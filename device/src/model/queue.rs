//! One virtqueue as the device has it: set up through registers (4.2.3.2), then a [`Ring`].

use super::legacy::Placement;
use super::ring::{self, Events, Format, Order, Ring, Setup};
use super::ring_reset::QueueReset;
use super::{Interface, QueueKind, State, features};
use crate::log::{Cause, Event};
use crate::memory::Bus;
use crate::misbehave::RegisterFault;
use crate::violation::Violation;

/// The three areas of a virtqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Descriptors,
    Driver,
    Device,
}

/// The half of a 64-bit address that a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Low,
    High,
}

/// A queue and what the driver has done to set it up.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: QueueKind,
    max: u16,
    pub(super) size: u32,
    pub(super) addresses: [u64; 3],
    pub(super) legacy: Placement,
    pub(super) ready_was_read: bool,
    max_was_read: bool,
    pub(super) reset: QueueReset,
    /// The queue while it is ready.
    pub(super) ring: Option<Box<dyn Ring>>,
    /// Whether the driver is asked for no notifications now.
    pub(super) quiet: bool,
    /// The driver put nonsense into the ring, and the device has given up on it.
    pub(super) given_up: bool,
}

impl Slot {
    pub(super) fn new(kind: QueueKind, max: u16) -> Self {
        Self {
            kind,
            max,
            size: 0,
            addresses: [0; 3],
            legacy: Placement::default(),
            ready_was_read: false,
            max_was_read: false,
            reset: QueueReset::Never,
            ring: None,
            quiet: false,
            given_up: false,
        }
    }
}

impl State {
    pub(super) fn slot(&mut self, queue: u32) -> Option<&mut Slot> {
        self.queues.get_mut(&u16::try_from(queue).ok()?)
    }

    pub(super) fn read_queue_size_max(&mut self, queue: u32, offset: usize) -> u32 {
        // The legacy interface allows it only while the queue is not in use (4.2.4).
        let legacy = self.options.interface == Interface::Legacy;
        if legacy && self.slot(queue).is_some_and(|slot| slot.ring.is_some()) {
            self.violation(Violation::QueueWhileReady { queue, offset });
        }
        if let Some(slot) = self.slot(queue) {
            slot.max_was_read = true;
        }
        self.queue_size_max(queue)
    }

    fn queue_size_max(&mut self, queue: u32) -> u32 {
        let lie = self.faults.register(|fault| match fault {
            RegisterFault::QueueSizeMax(max) => Some(max),
            _ => None,
        });
        self.slot(queue).map_or(0, |slot| lie.unwrap_or(slot.max.into()))
    }

    pub(super) fn read_queue_ready(&mut self, queue: u32) -> u32 {
        let lie = self.faults.register(|fault| match fault {
            RegisterFault::QueueReady(ready) => Some(ready),
            _ => None,
        });
        self.slot(queue).map_or(0, |slot| {
            slot.ready_was_read = true;
            lie.unwrap_or(slot.ring.is_some().into())
        })
    }

    /// Whether the driver may write to a register of this queue now. A queue may be taken away at any time.
    pub(super) fn may_configure(&mut self, queue: u32, offset: usize, disables: bool) -> bool {
        let status = self.status;
        if self.is_reset_unread(queue) {
            self.violation(Violation::QueueResetUnread { queue, offset });
            return false;
        }
        if !self.features_are_settled() || (self.is_live() && !disables && !self.was_reset(queue)) {
            self.violation(Violation::QueueOutOfTurn { queue, offset, status });
            return false;
        }
        let ready = self.slot(queue).is_some_and(|slot| slot.ring.is_some());
        if ready && !disables {
            self.violation(Violation::QueueWhileReady { queue, offset });
        }
        !ready || disables
    }

    pub(super) fn set_queue_size(&mut self, queue: u32, size: u32) {
        if let Some(slot) = self.slot(queue) {
            slot.size = size;
        }
    }

    pub(super) fn set_queue_address(&mut self, queue: u32, area: Area, half: Half, value: u32) {
        let Some(slot) = self.slot(queue) else { return };
        let address = &mut slot.addresses[area as usize];
        let value = u64::from(value);
        *address = match half {
            Half::Low => *address & !0xffff_ffff | value,
            Half::High => *address & 0xffff_ffff | value << 32,
        };
    }

    pub(super) fn disable_queue(&mut self, queue: u32) {
        let Some(slot) = self.slot(queue).filter(|slot| slot.ring.is_some()) else { return };
        let ready_was_read = slot.ready_was_read;
        self.take_queue_away(queue);
        if let Some(slot) = self.slot(queue) {
            slot.ready_was_read = ready_was_read;
        }
        self.log(Event::QueueDisabled { queue: queue as u16 });
    }

    /// The queue is as it was before the driver first looked at it.
    pub(super) fn take_queue_away(&mut self, queue: u32) {
        let Some(slot) = self.slot(queue) else { return };
        *slot = Slot::new(slot.kind, slot.max);
        if slot.kind == QueueKind::FreePage {
            self.hinting.restart();
        }
        let queue = queue as u16;
        self.kicked.remove(&queue);
        self.drop_requests(queue);
    }

    pub(super) fn enable_queue(&mut self, queue: u32) {
        let max = self.queue_size_max(queue);
        let Some(slot) = self.slot(queue) else {
            return self.violation(Violation::NoSuchQueue { queue });
        };
        let (size, addresses, feature) = (slot.size, slot.addresses, slot.kind.feature());
        let unchecked = !slot.ready_was_read || !slot.max_was_read;
        if unchecked {
            self.violation(Violation::QueueNotChecked { queue });
        }
        if feature != 0 && !self.negotiated(feature) {
            self.violation(Violation::QueueWithoutFeature { queue });
        }
        let format = if self.negotiated(features::RING_PACKED) { Format::Packed } else { Format::Split };
        let size = match u16::try_from(size) {
            Ok(fits) if format.takes(fits) && size <= max => fits,
            _ => return self.violation(Violation::QueueSize { queue, size, max }),
        };
        let events = if self.negotiated(features::EVENT_IDX) { Events::Index } else { Events::Flags };
        let order = if self.negotiated(features::IN_ORDER) { Order::Kept } else { Order::Any };
        let ring = Setup { size, addresses, events, order }.ring(format);
        if !ring::are_sound(&ring.parts(), &self.bus) {
            let [descriptors, driver, device] = addresses;
            return self.violation(Violation::QueueAddress { queue, descriptors, driver, device });
        }
        if !ring.is_fresh(&self.bus) {
            self.violation(Violation::QueueNotZeroed { queue });
        }
        if let Some(slot) = self.slot(queue) {
            slot.ring = Some(ring);
            slot.reset = QueueReset::Never;
        }
        self.log(Event::QueueEnabled { queue: queue as u16, size: size.into() });
    }

    /// A write to QueueNotify.
    pub(super) fn notify(&mut self, value: u32) {
        if !self.is_live() {
            return self.violation(Violation::NotifiedBeforeDriverOk { queue: value, status: self.status });
        }
        let with_data = self.negotiated(features::NOTIFICATION_DATA);
        let (number, data) = if with_data { (value & 0xffff, (value >> 16) as u16) } else { (value, 0) };
        let ring = u16::try_from(number).ok().and_then(|queue| Some((queue, self.queues.get(&queue)?.ring.as_ref()?)));
        let Some((queue, ring)) = ring else {
            return self.violation(Violation::NotifiedUnready { queue: number });
        };
        let position = if with_data { ring.position(&self.bus) } else { data };
        if data != position {
            self.violation(Violation::NotificationData { queue, data, position });
        }
        self.log(Event::Notified { queue });
        if self.faults.has(RegisterFault::SpuriousInterrupts) {
            self.misbehaved(RegisterFault::SpuriousInterrupts);
            self.interrupt(Cause::Nothing);
        }
        self.kicked.insert(queue);
    }
}

impl Slot {
    /// Where the parts of the queue lie on the bus: start and length in bytes. Only for a queue that is ready.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, u64)> {
        let parts = self.ring.as_ref().map(|ring| ring.parts());
        parts.into_iter().flatten().map(|part| (part.address, part.bytes))
    }

    /// How many buffers the driver has made available so far, wrapping.
    pub(super) fn next_place(&self, bus: &Bus) -> Option<u16> {
        self.ring.as_ref().map(|ring| ring.taken().wrapping_add(ring.available(bus)))
    }

    /// How many buffers the driver has made available that the device has not taken.
    pub(super) fn new_buffers(&self, bus: &Bus) -> Option<u16> {
        self.ring.as_ref().map(|ring| ring.available(bus))
    }
}
