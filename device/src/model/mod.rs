//! The device itself: everything that one lock protects.
//!
//! [`State`] is what the registers, the worker thread and the host's side change. Each file adds one part of it:
//! `registers` decodes accesses (`register` says to which one, `legacy` is about those of
//! the legacy interface), `lifecycle` is status and features, `config` the configuration space, `numbering` which
//! queues there are, `queue` one virtqueue, `ring` its two formats, `ring_reset` how one queue starts over, `requests` the way of a buffer through the device. What a buffer of each queue
//! does is in `pages` (inflate and deflate), `statistics`, `reporting` and `hinting`; the last two share `free_pages`.

mod config;
pub mod features;
mod free_pages;
mod hinting;
mod legacy;
mod lifecycle;
mod numbering;
mod page_set;
mod pages;
mod queue;
mod register;
mod registers;
mod reporting;
mod requests;
mod ring;
mod ring_reset;
mod statistics;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Range;

use virtio_bindings::virtio_config::VIRTIO_CONFIG_S_NEEDS_RESET;
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};

use crate::log::{Cause, Event, Logging};
use crate::memory::{Bus, ByteOrder, GuestMemory, Iommu, Unmapped};
use crate::misbehave::{Faults, Misbehave, RegisterFault};
use crate::violation::Violation;
use config::Config;
pub use hinting::HintCommand;
use hinting::Hinting;
pub use numbering::{Numbering, QueueKind};
pub(crate) use page_set::PageSet;
use queue::Slot;
pub(crate) use registers::CONFIG;
pub(crate) use requests::Progress;
use requests::Request;
pub(crate) use statistics::Statistics;

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
    Enabled,
}

/// Which of the two register layouts of the MMIO transport the device has, and the byte order that comes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Interface {
    /// Version 2: everything is little-endian.
    #[default]
    Modern,
    /// Version 1: rings and buffers are in the byte order of the guest.
    Legacy,
}

impl Interface {
    fn byte_order(self) -> ByteOrder {
        match self {
            Self::Modern => ByteOrder::Little,
            Self::Legacy => ByteOrder::NATIVE,
        }
    }
}

/// How a device with IN_ORDER says which buffers it has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsedEntries {
    /// By an entry for each.
    #[default]
    OnePerBuffer,
    /// By an entry for the last one of as many as are done with: the others are understood (2.7.9, 2.8.8).
    OnePerBatch,
}

/// What the builder chose.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) interface: Interface,
    pub(crate) features: u64,
    pub(crate) queue_size: u16,
    /// Sizes of single queues that differ.
    pub(crate) queue_sizes: BTreeMap<QueueKind, u16>,
    pub(crate) numbering: Numbering,
    /// Length of the configuration space, where it does not follow from the features.
    pub(crate) config_bytes: Option<usize>,
    pub(crate) hint_command: HintCommand,
    pub(crate) work: Work,
    pub(crate) logging: Logging,
    pub(crate) notifications: Notifications,
    pub(crate) used_entries: UsedEntries,
    pub(crate) pace: Pace,
}

/// How the driver and the host's side are timed against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// They take turns: when the host looks, the driver is not in the middle of anything.
    InTurns,
    /// The device has a thread of its own.
    AtOnce,
}

/// The device behind its lock.
pub(crate) struct State {
    pub(crate) memory: GuestMemory,
    bus: Bus,
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) events: Vec<Event>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) pages: PageSet,
    /// Pages that left the balloon and that the kernel does not have again yet.
    departed: PageSet,
    /// Pages of the reports that are in flight.
    pub(crate) reported: PageSet,
    pub(crate) statistics: Statistics,
    pub(crate) hinting: Hinting,
    /// Page numbers of the memory that the kernel keeps for rings and buffers.
    device_memory: Vec<Range<u64>>,
    status: u32,
    reset_reads: Option<u32>,
    accepted: u64,
    device_features_sel: Option<u32>,
    driver_features_sel: Option<u32>,
    queue_sel: Option<u32>,
    identified: u8,
    /// In bytes, once the driver of a legacy device has written it.
    guest_page_size: Option<u32>,
    interrupt_status: u32,
    generation: u32,
    config: Config,
    queues: BTreeMap<u16, Slot>,
    kicked: BTreeSet<u16>,
    requests: VecDeque<Request>,
    taken: u64,
    raises: u64,
}

impl State {
    pub(crate) fn new(memory: GuestMemory, options: Options) -> Self {
        let pages = || PageSet::new(memory.pages());
        let iommu = (options.features & features::ACCESS_PLATFORM != 0).then(Iommu::default);
        let mut state = Self {
            faults: Faults::default(),
            events: Vec::new(),
            violations: Vec::new(),
            pages: pages(),
            departed: pages(),
            reported: pages(),
            statistics: Statistics::default(),
            hinting: Hinting::new(pages),
            device_memory: Vec::new(),
            bus: Bus::new(memory.clone(), options.interface.byte_order(), iommu),
            memory,
            status: 0,
            reset_reads: None,
            accepted: 0,
            device_features_sel: None,
            driver_features_sel: None,
            queue_sel: None,
            identified: 0,
            guest_page_size: None,
            interrupt_status: 0,
            generation: 0,
            config: Config::default(),
            queues: BTreeMap::new(),
            kicked: BTreeSet::new(),
            requests: VecDeque::new(),
            taken: 0,
            raises: 0,
            options,
        };
        state.queues = state.queue_layout();
        state
    }

    /// The queues by their numbers, none of them set up.
    fn queue_layout(&self) -> BTreeMap<u16, Slot> {
        let Options { features, queue_size, ref queue_sizes, numbering, .. } = self.options;
        let negotiated = self.features_are_settled().then_some(self.accepted);
        let slot = |kind| Slot::new(kind, queue_sizes.get(&kind).copied().unwrap_or(queue_size));
        numbering.queues(features, negotiated).into_iter().map(|(number, kind)| (number, slot(kind))).collect()
    }

    /// The number of the queue for this, where there is one.
    pub(crate) fn queue_number(&self, kind: QueueKind) -> Option<u16> {
        self.queues.iter().find(|(_, slot)| slot.kind == kind).map(|(number, _)| *number)
    }

    pub(crate) fn log(&mut self, event: Event) {
        if self.options.logging == Logging::Full {
            self.events.push(event);
        }
    }

    pub(crate) fn violation(&mut self, violation: impl Into<Violation>) {
        let violation = violation.into();
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

    /// What stands between the device and memory.
    pub(crate) fn iommu(&self) -> Option<&Iommu> {
        self.bus.iommu()
    }

    /// Notes the accesses to memory that were stopped.
    fn note_stopped(&mut self) {
        for Unmapped { address, bytes } in self.bus.take_stopped() {
            self.violation(Violation::Unmapped { address, bytes });
        }
    }

    /// The kernel keeps these pages for rings and buffers: they are never free.
    pub(crate) fn keep_for_device(&mut self, pages: Range<u64>) {
        self.device_memory.push(pages);
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
