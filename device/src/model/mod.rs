//! The device itself: everything that one lock protects.
//!
//! [`State`] is what the registers, the worker thread and the host's side change. Each file adds one part of it:
//! `registers` decodes accesses, `lifecycle` is status and features, `config` the configuration space, `queue` one
//! virtqueue, `requests` the way of a buffer through the device, `pages` what inflate and deflate do.

mod config;
mod lifecycle;
mod pages;
mod queue;
mod registers;
mod requests;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use virtio_bindings::virtio_config::{VIRTIO_CONFIG_S_NEEDS_RESET, VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1};
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};

use crate::log::{Cause, Event, Logging};
use crate::memory::GuestMemory;
use crate::misbehave::{Faults, Misbehave, RegisterFault};
use crate::violation::Violation;
use config::Config;
pub(crate) use pages::PageSet;
use queue::Slot;
pub(crate) use registers::CONFIG;
pub(crate) use requests::Progress;
use requests::Request;

/// Feature bits that the device model knows.
pub mod features {
    use super::{VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1};
    use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

    /// `VIRTIO_BALLOON_F_MUST_TELL_HOST`.
    pub const MUST_TELL_HOST: u64 = 1 << 0;
    /// `VIRTIO_BALLOON_F_FREE_PAGE_HINT`.
    pub const FREE_PAGE_HINT: u64 = 1 << 3;
    /// `VIRTIO_BALLOON_F_PAGE_POISON`.
    pub const PAGE_POISON: u64 = 1 << 4;
    /// `VIRTIO_F_INDIRECT_DESC`.
    pub const INDIRECT_DESC: u64 = 1 << VIRTIO_RING_F_INDIRECT_DESC;
    /// `VIRTIO_F_EVENT_IDX`.
    pub const EVENT_IDX: u64 = 1 << VIRTIO_RING_F_EVENT_IDX;
    /// `VIRTIO_F_VERSION_1`.
    pub const VERSION_1: u64 = 1 << VIRTIO_F_VERSION_1;
    /// `VIRTIO_F_RING_RESET`.
    pub const RING_RESET: u64 = 1 << VIRTIO_F_RING_RESET;
}

/// How much of a device's work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Pages are counted, checked and given back to the host; a page that was touched while in the balloon is noticed.
    #[default]
    Full,
    /// Pages are counted and given back, and not looked at when they come back: for demonstrations and benchmarks.
    Release,
    /// Pages are counted and checked, their memory stays.
    Count,
    /// Buffers are acknowledged unread, for benchmarks of the driver alone.
    Acknowledge,
}

/// Whether the device asks for no notifications while it works on a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notifications {
    /// It does, and looks at the queue once more before it rests.
    #[default]
    Suppressed,
    /// It always wants them.
    Wanted,
}

/// What a queue is for. A queue kind to come is another variant here, with a file of its own beside `pages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueKind {
    Inflate,
    Deflate,
}

/// What the builder chose.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) features: u64,
    pub(crate) queue_size: u16,
    pub(crate) work: Work,
    pub(crate) logging: Logging,
    pub(crate) notifications: Notifications,
}

/// The device behind its lock.
pub(crate) struct State {
    pub(crate) memory: GuestMemory,
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) events: Vec<Event>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) pages: PageSet,
    status: u32,
    reset_reads: Option<u32>,
    accepted: u64,
    device_features_sel: Option<u32>,
    driver_features_sel: Option<u32>,
    queue_sel: Option<u32>,
    identified: u8,
    interrupt_status: u32,
    generation: u32,
    config: Config,
    queues: Vec<Slot>,
    kicked: BTreeSet<u16>,
    requests: VecDeque<Request>,
    taken: u64,
    raises: u64,
}

impl State {
    pub(crate) fn new(memory: GuestMemory, options: Options) -> Self {
        let pages = PageSet::new(memory.pages());
        let mut state = Self {
            memory,
            faults: Faults::default(),
            events: Vec::new(),
            violations: Vec::new(),
            pages,
            status: 0,
            reset_reads: None,
            accepted: 0,
            device_features_sel: None,
            driver_features_sel: None,
            queue_sel: None,
            identified: 0,
            interrupt_status: 0,
            generation: 0,
            config: Config::default(),
            queues: Vec::new(),
            kicked: BTreeSet::new(),
            requests: VecDeque::new(),
            taken: 0,
            raises: 0,
            options,
        };
        state.queues = state.queue_layout();
        state
    }

    /// The queues in the order of their numbers, none of them set up.
    fn queue_layout(&self) -> Vec<Slot> {
        [QueueKind::Inflate, QueueKind::Deflate].map(|kind| Slot::new(kind, self.options.queue_size)).into()
    }

    pub(crate) fn log(&mut self, event: Event) {
        if self.options.logging == Logging::Full {
            self.events.push(event);
        }
    }

    pub(crate) fn violation(&mut self, violation: Violation) {
        log::warn!("the driver broke a rule: {violation}");
        self.violations.push(violation);
    }

    pub(crate) fn misbehaved(&mut self, how: impl fmt::Debug) {
        if self.options.logging == Logging::Full {
            self.events.push(Event::Misbehaved(format!("{how:?}")));
        }
    }

    pub(crate) fn misbehave(&mut self, fault: Misbehave) {
        if let Misbehave::Register(RegisterFault::InterruptBits(_)) = fault {
            self.interrupt(Cause::Nothing);
        }
        self.faults.add(fault);
    }

    /// Raises the interrupt for `cause`: really, once the lock is released.
    pub(crate) fn interrupt(&mut self, cause: Cause) {
        self.interrupt_status |= match cause {
            Cause::UsedBuffer => VIRTIO_MMIO_INT_VRING,
            Cause::Configuration => VIRTIO_MMIO_INT_CONFIG,
            Cause::Nothing => 0,
        };
        self.log(Event::Interrupt(cause));
        self.raises += 1;
    }

    /// How often the line is to be raised since this was last asked.
    pub(crate) fn take_raises(&mut self) -> u64 {
        std::mem::take(&mut self.raises)
    }

    /// Sets DEVICE_NEEDS_RESET and says so when the driver may be told (2.1.2).
    pub(crate) fn needs_reset(&mut self) {
        self.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        self.log(Event::NeedsReset);
        if self.is_live() {
            self.interrupt(Cause::Configuration);
        }
    }

    pub(crate) fn status(&self) -> u32 {
        self.status
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }
}
