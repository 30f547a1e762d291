//! The device status and device reset (2.1, 2.4, 3.1).

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE as ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER_OK as DRIVER_OK,
    VIRTIO_CONFIG_S_FAILED as FAILED, VIRTIO_CONFIG_S_NEEDS_RESET as NEEDS_RESET,
};
pub(crate) use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_DRIVER as DRIVER, VIRTIO_CONFIG_S_FEATURES_OK as FEATURES_OK,
};

use super::super::features;
use super::super::numbering::QueueKind;
use super::super::options::Interface;
use super::super::state::State;
use crate::event::{Cause, Event};
use crate::fault::RegisterFault;
use crate::quirk::Quirk;
use crate::violation::{ConfigViolation, FreePageViolation, QueueViolation, StatisticsViolation, StatusViolation};

impl State {
    /// Returns whether the driver has set DRIVER_OK.
    pub(crate) fn is_live(&self) -> bool {
        self.status & DRIVER_OK != 0
    }

    pub(crate) fn read_status(&mut self) -> u32 {
        if let Some(left @ 1..) = self.slow_reset {
            self.slow_reset = Some(if left == u32::MAX { left } else { left - 1 });
            return 1;
        }
        match self.delayed_reset {
            Some(0) => self.reset(),
            Some(left) => self.delayed_reset = Some(left - 1),
            None => {}
        }
        self.host_reset_unseen = false;
        self.status | self.faults.status_bits().unwrap_or(0)
    }

    pub(crate) fn write_status(&mut self, value: u32) {
        if value == 0 {
            return self.request_reset();
        }
        self.log(Event::StatusWritten(value));
        if self.host_reset_unseen && value != ACKNOWLEDGE {
            // The driver continues an initialization or an operation that the reset has ended.
            return;
        }
        self.host_reset_unseen = false;
        let added = self.check_status_order(value);
        self.status = value & !NEEDS_RESET | self.status & NEEDS_RESET;
        if self.options.interface == Interface::Legacy {
            self.status &= !FEATURES_OK;
        } else if added & FEATURES_OK != 0 {
            self.confirm_features();
        }
        if added & DRIVER_OK != 0 {
            self.check_set_up();
            if !self.can_activate() {
                self.refuse_activation();
            }
        }
    }

    fn refuse_activation(&mut self) {
        if self.has(Quirk::FailsActivation) {
            self.status |= FAILED;
            self.activation_failed = true;
        } else {
            self.set_needs_reset();
        }
    }

    /// Returns whether the device accepts the queues that are ready at DRIVER_OK.
    fn can_activate(&self) -> bool {
        let mut queues = self.queues.values();
        if self.has(Quirk::NeedsAllQueues) {
            queues.all(|queue| queue.is_ready())
        } else if self.has(Quirk::RejectsUnusedQueues) {
            !queues.any(|queue| queue.is_ready() && self.is_unused(queue.kind))
        } else {
            true
        }
    }

    /// Checks that a write sets one status bit, in order, and clears none. Returns the bits that it sets.
    fn check_status_order(&mut self, value: u32) -> u32 {
        // Only the device changes DEVICE_NEEDS_RESET; the driver may write it back or not.
        let (from, to) = (self.status & !NEEDS_RESET, value & !NEEDS_RESET);
        let added = to & !from;
        if from & !to != 0 {
            self.violation(StatusViolation::BitsCleared { from, to });
        }
        let modern = self.options.interface == Interface::Modern;
        let required = match added & !FAILED {
            0 | ACKNOWLEDGE => Some(0),
            DRIVER => Some(ACKNOWLEDGE),
            FEATURES_OK if modern => Some(ACKNOWLEDGE | DRIVER),
            DRIVER_OK if modern => Some(ACKNOWLEDGE | DRIVER | FEATURES_OK),
            DRIVER_OK => Some(ACKNOWLEDGE | DRIVER),
            _ => None,
        };
        if required.is_none_or(|required| from & required != required) {
            self.violation(StatusViolation::OutOfOrder { from, to });
        }
        added
    }

    /// Checks what has to be set up before DRIVER_OK (5.5.5). The inflate and deflate queues are checked at their first
    /// notification instead.
    fn check_set_up(&mut self) {
        if self.negotiated(features::PAGE_POISON) && !self.is_poison_written() {
            self.violation(ConfigViolation::PoisonNotWritten);
        }
        let negotiated = |kind: QueueKind| kind.feature() != 0 && self.negotiated(kind.feature());
        let queues = self.queues.iter().filter(|(_, queue)| negotiated(queue.kind));
        let found: Vec<_> = queues.map(|(&number, queue)| (number, queue.kind, queue.available(&self.bus))).collect();
        for (queue, kind, available) in found {
            match (kind, available) {
                (_, None) => self.violation(QueueViolation::NotSetUp { queue }),
                (QueueKind::Statistics, Some(buffers)) if buffers != 1 => {
                    self.violation(StatisticsViolation::NotPrimed { buffers });
                }
                (QueueKind::Reporting, Some(buffers @ 1..)) => {
                    self.violation(FreePageViolation::ReportedBeforeDriverOk { buffers });
                }
                _ => {}
            }
        }
    }

    /// Handles the driver's write of 0.
    fn request_reset(&mut self) {
        let cannot_live = self.is_live() && self.has(Quirk::CannotResetLive);
        if cannot_live || self.status != 0 && self.has(Quirk::CannotReset) {
            self.status |= FAILED;
        } else if self.faults.has(RegisterFault::RefusesReset) {
            self.log_fault(RegisterFault::RefusesReset);
        } else if let Some(reads @ 1..) = self.faults.delayed_reset() {
            // A repeated write does not start again.
            self.delayed_reset.get_or_insert(reads);
        } else {
            self.reset();
        }
    }

    /// Resets the device (2.4). `num_pages` stays, because it belongs to the host.
    fn reset(&mut self) {
        self.log(Event::Reset { ballooned: self.pages.len() });
        // A repeated write does not start again.
        let pending = self.slow_reset.filter(|left| *left > 0);
        self.clear();
        self.host_reset_unseen = false;
        self.slow_reset = match (self.faults.slow_reset(), pending) {
            (Some(reads), Some(left)) => Some(reads.min(left)),
            (reads, _) => reads,
        };
    }

    /// Sets DEVICE_NEEDS_RESET. Raises the interrupt only after DRIVER_OK (2.1.2).
    pub(crate) fn set_needs_reset(&mut self) {
        self.status |= NEEDS_RESET;
        self.log(Event::NeedsReset);
        if self.is_live() {
            self.interrupt(Cause::Configuration);
        }
    }
}
