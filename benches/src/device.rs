//! The device: registers, and rings whose buffers it completes immediately.
//!
//! It does only what a driver can observe, without locks and allocations, so that the benchmarks measure the driver. It
//! trusts the driver and is not suitable for tests.
//!
//! It works in the notification, on the thread of the driver, or on its own thread.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use aerostat_balloon::spec::balloon::feature::{
    DeflateOnOom, FreePageHint, MustTellHost, PagePoison, PageReporting, StatsVq,
};
use aerostat_balloon::spec::reserved::feature::{EventIdx, RingPacked, Version1};
use aerostat_balloon::spec::{Block as _, Device, Feature, balloon};
use aerostat_transport::Io;
use virtio_bindings::virtio_config::VIRTIO_CONFIG_S_DRIVER_OK;
use virtio_bindings::virtio_mmio::*;

use self::rings::Queue;
use self::worker::Worker;

mod rings;
mod worker;

/// The offered features.
const FEATURES: u64 = 1 << Version1::BIT
    | 1 << RingPacked::BIT
    | 1 << EventIdx::BIT
    | 1 << MustTellHost::BIT
    | 1 << StatsVq::BIT
    | 1 << DeflateOnOom::BIT
    | 1 << FreePageHint::BIT
    | 1 << PagePoison::BIT
    | 1 << PageReporting::BIT;
/// Length in bytes of the register file.
const LEN: usize = VIRTIO_MMIO_CONFIG as usize + balloon::config::Space::LEN;
/// Maximum size of a queue.
const QUEUE_SIZE: u32 = 128;
/// The statistics queue, whose buffers the device holds until the host requests statistics.
const STATISTICS: usize = 2;
/// Number of queues.
pub(crate) const QUEUES: usize = 5;

/// Where the device works.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// In the notification, before it returns.
    #[default]
    Inline,
    /// On its own thread.
    Thread,
}

/// Counts of the communication between driver and device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Notifications by the driver.
    pub notifications: u64,
    /// Interrupts by the device.
    pub interrupts: u64,
    /// Buffers that the device completed in notifications.
    pub buffers: u64,
}

/// Counts of the accesses of a driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accesses {
    /// Reads and writes of registers of the device.
    pub registers: u64,
    /// Reads and writes of the configuration space of PCI.
    pub configuration: u64,
}

impl Accesses {
    pub(crate) const REGISTER: Self = Self { registers: 1, configuration: 0 };
    pub(crate) const CONFIGURATION: Self = Self { registers: 0, configuration: 1 };
}

/// A balloon device that only completes buffers. Clones are handles of the same device.
#[derive(Clone, Default)]
pub struct AckDevice {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    status: Cell<u32>,
    features_sel: Cell<u32>,
    accepted: Cell<u64>,
    accepted_sel: Cell<u32>,
    queue_sel: Cell<usize>,
    queues: RefCell<[Queue; QUEUES]>,
    pending: Cell<u32>,
    num_pages: Cell<u32>,
    actual: Cell<u32>,
    traffic: Cell<Traffic>,
    accesses: Cell<Accesses>,
    mode: Mode,
    worker: RefCell<Option<Worker>>,
}

impl AckDevice {
    /// Returns a device that works in the notification.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a device on its own thread, which each notification wakes. It raises no interrupts: the driver polls the rings.
    pub fn in_thread() -> Self {
        Self { state: Rc::new(State { mode: Mode::Thread, ..State::default() }) }
    }

    /// Sets `num_pages`.
    pub fn set_target(&self, pages: u32) {
        self.state.num_pages.set(pages);
    }

    /// Returns `actual`, in pages.
    pub fn actual(&self) -> u32 {
        self.state.actual.get()
    }

    /// Requests statistics: completes the statistics buffer.
    #[inline(never)]
    pub fn request_statistics(&self) {
        self.acknowledge(STATISTICS);
    }

    /// Returns the counts so far.
    pub fn traffic(&self) -> Traffic {
        self.state.traffic.get()
    }

    /// Returns the counts of accesses so far.
    pub fn accesses(&self) -> Accesses {
        self.state.accesses.get()
    }

    /// Counts accesses.
    pub(crate) fn count(&self, more: Accesses) {
        self.state.accesses.update(|accesses| Accesses {
            registers: accesses.registers + more.registers,
            configuration: accesses.configuration + more.configuration,
        });
    }

    /// Handles a write of a queue number to the notification register.
    ///
    /// The methods `on_…` are the device side. The instruction counts exclude them by name, so none of them calls another.
    #[inline(never)]
    pub(crate) fn on_notify(&self, queue: usize) {
        self.count(Accesses::REGISTER);
        self.notified(queue);
    }

    /// Works on a queue, unless the device has a thread for that.
    pub(crate) fn notified(&self, queue: usize) {
        let state = &*self.state;
        state.traffic.update(|traffic| Traffic { notifications: traffic.notifications + 1, ..traffic });
        match &*state.worker.borrow() {
            _ if queue == STATISTICS => {}
            Some(worker) => worker.notify(),
            None => self.acknowledge(queue),
        }
    }

    fn acknowledge(&self, queue: usize) {
        let state = &*self.state;
        let mut queues = state.queues.borrow_mut();
        let Some(done) = queues.get_mut(queue).map(Queue::acknowledge) else { return };
        state.traffic.update(|traffic| Traffic {
            interrupts: traffic.interrupts + u64::from(done.interrupts),
            buffers: traffic.buffers + u64::from(done.buffers),
            ..traffic
        });
        if done.interrupts {
            state.pending.update(|pending| pending | VIRTIO_MMIO_INT_VRING);
        }
    }

    /// Reads a register.
    #[inline(never)]
    pub(crate) fn on_read(&self, offset: usize) -> u32 {
        self.count(Accesses::REGISTER);
        self.register(offset)
    }

    /// Returns the value of an MMIO register.
    pub(crate) fn register(&self, offset: usize) -> u32 {
        let state = &*self.state;
        match offset as u32 {
            VIRTIO_MMIO_MAGIC_VALUE => u32::from_le_bytes(*b"virt"),
            VIRTIO_MMIO_VERSION => 2,
            VIRTIO_MMIO_DEVICE_ID => <balloon::Device as Device>::ID.0,
            VIRTIO_MMIO_DEVICE_FEATURES => (FEATURES >> (32 * (state.features_sel.get() & 1))) as u32,
            VIRTIO_MMIO_QUEUE_NUM_MAX if state.queue_sel.get() < QUEUES => QUEUE_SIZE,
            VIRTIO_MMIO_QUEUE_READY => self.selected(|queue| u32::from(queue.is_ready())).unwrap_or(0),
            VIRTIO_MMIO_INTERRUPT_STATUS => state.pending.get(),
            VIRTIO_MMIO_STATUS => state.status.get(),
            NUM_PAGES => state.num_pages.get(),
            ACTUAL => state.actual.get(),
            _ => 0,
        }
    }

    /// Writes a register.
    #[inline(never)]
    pub(crate) fn on_write(&self, offset: usize, value: u32) {
        self.count(Accesses::REGISTER);
        self.set_register(offset, value);
    }

    /// Sets the value of an MMIO register.
    pub(crate) fn set_register(&self, offset: usize, value: u32) {
        let state = &*self.state;
        match offset as u32 {
            VIRTIO_MMIO_DEVICE_FEATURES_SEL => state.features_sel.set(value),
            VIRTIO_MMIO_DRIVER_FEATURES_SEL => state.accepted_sel.set(value & 1),
            VIRTIO_MMIO_DRIVER_FEATURES => {
                let shift = 32 * state.accepted_sel.get();
                state.accepted.update(|accepted| accepted & !(0xffff_ffff << shift) | u64::from(value) << shift);
            }
            VIRTIO_MMIO_QUEUE_SEL => state.queue_sel.set(value as usize),
            VIRTIO_MMIO_INTERRUPT_ACK => state.pending.update(|pending| pending & !value),
            VIRTIO_MMIO_STATUS => self.set_status(value),
            ACTUAL => state.actual.set(value),
            VIRTIO_MMIO_QUEUE_READY => {
                let accepted = state.accepted.get();
                self.selected(|queue| queue.set_ready(value, accepted));
            }
            _ => drop(self.selected(|queue| queue.write(offset as u32, value))),
        }
    }

    /// Returns the number of the selected queue.
    pub(crate) fn selected_queue(&self) -> usize {
        self.state.queue_sel.get()
    }

    /// Returns the interrupt status and clears it.
    pub(crate) fn take_pending(&self) -> u32 {
        self.state.pending.take()
    }

    fn set_status(&self, status: u32) {
        let state = &*self.state;
        state.status.set(status);
        if status == 0 {
            state.worker.take();
            state.queues.take();
            state.pending.set(0);
        } else if status & VIRTIO_CONFIG_S_DRIVER_OK != 0
            && state.mode == Mode::Thread
            && state.worker.borrow().is_none()
        {
            let queues = state.queues.borrow();
            let others = queues.iter().enumerate().filter(|(number, _)| *number != STATISTICS);
            state.worker.replace(Some(Worker::start(others.map(|(_, queue)| queue.clone()).collect())));
        }
    }

    fn selected<R>(&self, change: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        self.state.queues.borrow_mut().get_mut(self.state.queue_sel.get()).map(change)
    }
}

impl fmt::Debug for AckDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckDevice").field("traffic", &self.traffic()).finish_non_exhaustive()
    }
}

/// Register offset of `num_pages`.
const NUM_PAGES: u32 = VIRTIO_MMIO_CONFIG;
/// Register offset of `actual`.
const ACTUAL: u32 = VIRTIO_MMIO_CONFIG + 4;

// SAFETY: each access goes to the register at that offset, in program order.
unsafe impl Io for AckDevice {
    fn len(&self) -> usize {
        LEN
    }

    // All registers of the device have 32 bits.
    fn read8(&self, _offset: usize) -> u8 {
        u8::MAX
    }

    fn read16(&self, _offset: usize) -> u16 {
        u16::MAX
    }

    #[inline(always)]
    fn read32(&self, offset: usize) -> u32 {
        self.on_read(offset)
    }

    fn write8(&self, _offset: usize, _value: u8) {}

    fn write16(&self, _offset: usize, _value: u16) {}

    #[inline(always)]
    fn write32(&self, offset: usize, value: u32) {
        if offset == VIRTIO_MMIO_QUEUE_NOTIFY as usize {
            self.on_notify(value as usize);
        } else {
            self.on_write(offset, value);
        }
    }
}
