//! The device behind its lock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Range;

use virtio_bindings::virtio_config::VIRTIO_CONFIG_S_NEEDS_RESET;
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};

use super::super::features;
use super::super::numbering::{QueueKind, Surplus};
use super::super::options::Options;
use super::super::page_set::PageSet;
use super::config_space::ConfigSpace;
use super::held::Held;
use super::hinting::Hinting;
use super::queue::Queue;
use super::request::Request;
use super::statistics::Statistics;
use crate::event::{Cause, Event, Logging};
use crate::fault::{Fault, Faults, RegisterFault};
use crate::memory::{Bus, GuestMemory, Iommu, UnmappedAccess};
use crate::quirk::Quirk;
use crate::violation::{RingViolation, Violation};

/// The state of a device.
pub(crate) struct State {
    pub(crate) memory: GuestMemory,
    pub(crate) bus: Bus,
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) events: Vec<Event>,
    pub(crate) violations: Vec<Violation>,
    /// The pages in the balloon.
    pub(crate) pages: PageSet,
    /// The pages that the driver has deflated and not yet returned to the kernel.
    pub(crate) deflated: PageSet,
    /// The pages of the reports in flight.
    pub(crate) reported: PageSet,
    /// The pages of completed reports that the driver keeps.
    pub(crate) held: Held,
    pub(crate) statistics: Statistics,
    pub(crate) hinting: Hinting,
    /// Page numbers of the memory that the kernel reserves for rings and buffers.
    pub(crate) reserved: Vec<Range<u64>>,
    pub(crate) status: u32,
    /// How many more times Status reads 1 after a slow reset; `u32::MAX` for a reset that never completes.
    pub(crate) slow_reset: Option<u32>,
    /// How many more times the status is read before a delayed reset takes place.
    pub(crate) delayed_reset: Option<u32>,
    /// The host has reset the device, and the driver has neither read the status nor reset the device since.
    pub(crate) host_reset_unseen: bool,
    /// The device has set FAILED at DRIVER_OK.
    pub(crate) activation_failed: bool,
    pub(crate) is_removed: bool,
    pub(crate) is_paused: bool,
    /// The features that the driver has accepted.
    pub(crate) accepted: u64,
    pub(crate) device_features_sel: Option<u32>,
    pub(crate) driver_features_sel: Option<u32>,
    pub(crate) queue_sel: Option<u32>,
    /// Which identification registers the driver has read: one bit for each.
    pub(crate) identified: u8,
    /// GuestPageSize in bytes, once the driver of a legacy device has written it.
    pub(crate) guest_page_size: Option<u32>,
    pub(crate) interrupt_status: u32,
    pub(crate) config: ConfigSpace,
    pub(crate) queues: BTreeMap<u16, Queue>,
    /// The queues that were notified since the device last took their buffers.
    pub(crate) notified: BTreeSet<u16>,
    /// The queues with a lost notification that the device has not checked since.
    pub(crate) lost_notifications: BTreeSet<u16>,
    /// How many notifications the driver has sent.
    pub(crate) notifications: u64,
    /// The buffers that the device owns, in the order in which it took them.
    pub(crate) requests: VecDeque<Request>,
    /// How many buffers the device has taken from all queues.
    pub(crate) buffers_taken: u64,
    /// How many times the interrupt line has to be raised once the lock is released.
    pub(crate) pending_interrupts: u64,
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
            deflated: pages(),
            reported: pages(),
            held: Held::new(pages),
            statistics: Statistics::default(),
            hinting: Hinting::new(pages),
            reserved: Vec::new(),
            bus: Bus::new(memory.clone(), options.interface.byte_order(), iommu),
            memory,
            status: 0,
            slow_reset: None,
            delayed_reset: None,
            host_reset_unseen: false,
            activation_failed: false,
            is_removed: false,
            is_paused: false,
            accepted: 0,
            device_features_sel: None,
            driver_features_sel: None,
            queue_sel: None,
            identified: 0,
            guest_page_size: None,
            interrupt_status: 0,
            config: ConfigSpace::default(),
            queues: BTreeMap::new(),
            notified: BTreeSet::new(),
            lost_notifications: BTreeSet::new(),
            notifications: 0,
            requests: VecDeque::new(),
            buffers_taken: 0,
            pending_interrupts: 0,
            options,
        };
        state.queues = state.new_queues(None);
        if state.has(Quirk::UsedByFirmware) {
            state.use_by_firmware();
        }
        state
    }

    /// Returns the queues by number, not set up. `negotiated` is `None` before feature negotiation is complete.
    pub(crate) fn new_queues(&self, negotiated: Option<u64>) -> BTreeMap<u16, Queue> {
        let Options { features, queue_size, ref queue_sizes, numbering, further_queues, .. } = self.options;
        let surplus = Surplus { keeps_count: self.has(Quirk::KeepsQueueCount), further: further_queues };
        let queue = |kind| Queue::new(kind, queue_sizes.get(&kind).copied().unwrap_or(queue_size));
        let queues = numbering.queues(features, negotiated, surplus);
        queues.into_iter().map(|(number, kind)| (number, queue(kind))).collect()
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.options.quirks.has(quirk)
    }

    /// Clears everything that a device reset clears (2.4).
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.deflated.clear();
        self.reported.clear();
        self.held.clear();
        self.statistics.reset();
        self.hinting.reset();
        self.status = 0;
        self.accepted = 0;
        self.device_features_sel = None;
        self.driver_features_sel = None;
        self.queue_sel = None;
        self.interrupt_status = 0;
        self.config.reset();
        self.activation_failed = false;
        self.slow_reset = None;
        self.delayed_reset = None;
        self.queues = self.new_queues(None);
        self.notified.clear();
        self.lost_notifications.clear();
        self.requests.clear();
    }

    /// Returns the number of the queue of this kind, if it exists.
    pub(crate) fn queue_number(&self, kind: QueueKind) -> Option<u16> {
        self.queues.iter().find(|(_, queue)| queue.kind == kind).map(|(number, _)| *number)
    }

    pub(crate) fn queue(&mut self, number: u32) -> Option<&mut Queue> {
        self.queues.get_mut(&u16::try_from(number).ok()?)
    }

    pub(crate) fn log(&mut self, event: Event) {
        if self.options.logging == Logging::Full {
            self.events.push(event);
        }
    }

    /// Records that the driver broke a rule. A driver that cannot know of a reset by the host breaks none.
    pub(crate) fn violation(&mut self, violation: impl Into<Violation>) {
        if self.host_reset_unseen {
            return;
        }
        let violation = violation.into();
        log::warn!("driver violation: {violation}");
        self.violations.push(violation);
    }

    /// Records that an injected fault takes effect.
    pub(crate) fn log_fault(&mut self, fault: impl fmt::Debug) {
        if self.options.logging == Logging::Full {
            self.events.push(Event::FaultInjected(format!("{fault:?}")));
        }
    }

    pub(crate) fn inject(&mut self, fault: Fault) {
        if let Fault::Register(RegisterFault::SetsInterruptBits(_)) = fault {
            self.interrupt(Cause::Nothing);
        }
        self.faults.add(fault);
    }

    pub(crate) fn iommu(&self) -> Option<&Iommu> {
        self.bus.iommu()
    }

    /// Records a violation for each access that the IOMMU has blocked.
    pub(crate) fn report_unmapped(&mut self) {
        for UnmappedAccess { address, bytes } in self.bus.take_unmapped() {
            self.violation(RingViolation::Unmapped { address, bytes });
        }
    }

    /// Marks pages that the kernel reserves for rings and buffers: they are never free.
    pub(crate) fn reserve(&mut self, pages: Range<u64>) {
        self.reserved.push(pages);
    }

    /// Sets the interrupt status. The line is raised once the lock is released.
    pub(crate) fn interrupt(&mut self, cause: Cause) {
        self.interrupt_status |= match cause {
            Cause::UsedBuffer => VIRTIO_MMIO_INT_VRING,
            Cause::Configuration => VIRTIO_MMIO_INT_CONFIG,
            Cause::Nothing => 0,
        };
        self.log(Event::Interrupt(cause));
        self.pending_interrupts += 1;
    }

    /// Returns how many times to raise the line, and resets the count.
    pub(crate) fn take_pending_interrupts(&mut self) -> u64 {
        std::mem::take(&mut self.pending_interrupts)
    }

    /// Returns whether the device does not work: it could not activate, DEVICE_NEEDS_RESET is set, or the host has paused or removed it.
    pub(crate) fn is_stopped(&self) -> bool {
        let is_off = self.is_paused || self.is_removed || self.activation_failed;
        is_off || self.status & VIRTIO_CONFIG_S_NEEDS_RESET != 0
    }

    pub(crate) fn status(&self) -> u32 {
        self.status
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }
}
