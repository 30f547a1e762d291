//! One virtqueue as the device has it: set up through registers (4.2.3.2), then rust-vmm's `Queue`.

use std::sync::atomic::Ordering;

use virtio_bindings::virtio_config::VIRTIO_CONFIG_S_FEATURES_OK as FEATURES_OK;
use virtio_bindings::virtio_ring::VRING_AVAIL_F_NO_INTERRUPT;
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::{QueueKind, State, features};
use crate::log::{Cause, Event};
use crate::memory::GuestMemory;
use crate::misbehave::RegisterFault;
use crate::violation::Violation;

/// The three parts of a split virtqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
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

/// The largest queue that the ring format allows.
const LARGEST: u16 = 32768;

/// A queue and what the driver has done to set it up.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: QueueKind,
    max: u16,
    size: u32,
    addresses: [u64; 3],
    ready_was_read: bool,
    max_was_read: bool,
    /// The queue while it is ready.
    pub(super) ring: Option<Queue>,
    /// Whether the driver is asked for no notifications now.
    pub(super) quiet: bool,
    /// The available index that the device wrote itself, when it is told to overwrite the ring.
    pub(super) scribbled_index: Option<u16>,
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
            ready_was_read: false,
            max_was_read: false,
            ring: None,
            quiet: false,
            scribbled_index: None,
            given_up: false,
        }
    }
}

/// Length in bytes of each part of a queue of `size` descriptors (2.7).
pub(super) fn ring_bytes(size: u16) -> [u64; 3] {
    let size = u64::from(size);
    [16 * size, 6 + 2 * size, 6 + 8 * size]
}

impl State {
    fn slot(&mut self, queue: u32) -> Option<&mut Slot> {
        self.queues.get_mut(&u16::try_from(queue).ok()?)
    }

    pub(super) fn read_queue_size_max(&mut self, queue: u32) -> u32 {
        let lie = self.faults.register(|fault| match fault {
            RegisterFault::QueueSizeMax(max) => Some(max),
            _ => None,
        });
        self.slot(queue).map_or(0, |slot| {
            slot.max_was_read = true;
            lie.unwrap_or(slot.max.into())
        })
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
        if status & FEATURES_OK == 0 || (self.is_live() && !disables) {
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

    pub(super) fn set_queue_address(&mut self, queue: u32, ring: Ring, half: Half, value: u32) {
        let Some(slot) = self.slot(queue) else { return };
        let address = &mut slot.addresses[ring as usize];
        let value = u64::from(value);
        *address = match half {
            Half::Low => *address & !0xffff_ffff | value,
            Half::High => *address & 0xffff_ffff | value << 32,
        };
    }

    pub(super) fn disable_queue(&mut self, queue: u32) {
        let Some(slot) = self.slot(queue) else { return };
        if slot.ring.take().is_none() {
            return;
        }
        *slot = Slot { ready_was_read: slot.ready_was_read, ..Slot::new(slot.kind, slot.max) };
        let queue = queue as u16;
        self.kicked.remove(&queue);
        self.drop_requests(queue);
        self.log(Event::QueueDisabled { queue });
    }

    pub(super) fn enable_queue(&mut self, queue: u32) {
        let max = self.read_queue_size_max_quietly(queue);
        let event_index = self.negotiated(features::EVENT_IDX);
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
        let size = match u16::try_from(size) {
            Ok(fits) if fits.is_power_of_two() && size <= max && fits <= LARGEST => fits,
            _ => return self.violation(Violation::QueueSize { queue, size, max }),
        };
        let Some(ring) = build(&self.memory, size, addresses, event_index) else {
            let [descriptors, driver, device] = addresses;
            return self.violation(Violation::QueueAddress { queue, descriptors, driver, device });
        };
        if ring.used_idx(self.memory.bus(), Ordering::Relaxed).is_ok_and(|index| index.0 != 0) {
            self.violation(Violation::QueueNotZeroed { queue });
        }
        if let Some(slot) = self.slot(queue) {
            slot.ring = Some(ring);
        }
        self.log(Event::QueueEnabled { queue: queue as u16, size: size.into() });
    }

    /// The size that the driver has seen, without counting as a look by the driver.
    fn read_queue_size_max_quietly(&mut self, queue: u32) -> u32 {
        let seen = self.slot(queue).map(|slot| slot.max_was_read);
        let max = self.read_queue_size_max(queue);
        if let (Some(seen), Some(slot)) = (seen, self.slot(queue)) {
            slot.max_was_read = seen;
        }
        max
    }

    /// A write to QueueNotify.
    pub(super) fn notify(&mut self, value: u32) {
        if !self.is_live() {
            return self.violation(Violation::NotifiedBeforeDriverOk { queue: value, status: self.status });
        }
        let queue = match u16::try_from(value) {
            Ok(queue) if self.slot(value).is_some_and(|slot| slot.ring.is_some()) => queue,
            _ => return self.violation(Violation::NotifiedUnready { queue: value }),
        };
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
        let lengths = self.ring.as_ref().map(|ring| self.addresses.into_iter().zip(ring_bytes(ring.size())));
        lengths.into_iter().flatten()
    }

    /// The driver's available index.
    pub(super) fn next_index(&self, bus: &GuestMemoryMmap) -> Option<u16> {
        self.ring.as_ref()?.avail_idx(bus, Ordering::Acquire).ok().map(|index| index.0)
    }

    /// How many buffers the driver has made available that the device has not taken.
    pub(super) fn new_buffers(&self, bus: &GuestMemoryMmap) -> Option<u16> {
        let taken = self.ring.as_ref()?.next_avail();
        self.next_index(bus).map(|index| index.wrapping_sub(taken))
    }
}

/// A ready queue, `None` when its parts are unaligned, outside memory or overlap.
fn build(memory: &GuestMemory, size: u16, addresses: [u64; 3], event_index: bool) -> Option<Queue> {
    let parts: Vec<(u64, u64)> = addresses.into_iter().zip(ring_bytes(size)).collect();
    let inside = parts.iter().all(|&(start, length)| memory.is_on_bus(start, length));
    let aligned = addresses.iter().zip([16, 2, 4]).all(|(address, align)| address.is_multiple_of(align));
    let apart = |a: &(u64, u64), b: &(u64, u64)| a.0 + a.1 <= b.0 || b.0 + b.1 <= a.0;
    let [descriptors, driver, device] = &parts[..] else { return None };
    // Outside memory the ends could overflow: the order of the conditions matters.
    if !(inside && aligned && apart(descriptors, driver) && apart(driver, device) && apart(descriptors, device)) {
        return None;
    }
    let mut ring = Queue::new(LARGEST).ok()?;
    ring.try_set_size(size).ok()?;
    ring.try_set_desc_table_address(GuestAddress(addresses[0])).ok()?;
    ring.try_set_avail_ring_address(GuestAddress(addresses[1])).ok()?;
    ring.try_set_used_ring_address(GuestAddress(addresses[2])).ok()?;
    ring.set_event_idx(event_index);
    ring.set_ready(true);
    ring.is_valid(memory.bus()).then_some(ring)
}

/// Whether the driver wants an interrupt after what was just used (2.7.7). `Queue` knows the event index only.
pub(super) fn wants_interrupt(ring: &mut Queue, bus: &GuestMemoryMmap) -> bool {
    // Also orders the used index before the look at the flags below.
    let by_index = ring.needs_notification(bus).unwrap_or(false);
    if ring.event_idx_enabled() {
        return by_index;
    }
    let flags = bus.load::<u16>(GuestAddress(ring.avail_ring()), Ordering::Relaxed).map(u16::from_le).unwrap_or(0);
    u32::from(flags) & VRING_AVAIL_F_NO_INTERRUPT == 0
}
