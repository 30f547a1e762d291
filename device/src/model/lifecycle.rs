//! Status and features: sections 2.1, 2.2 and 3.1.

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE as ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER as DRIVER,
    VIRTIO_CONFIG_S_DRIVER_OK as DRIVER_OK, VIRTIO_CONFIG_S_FAILED as FAILED,
    VIRTIO_CONFIG_S_FEATURES_OK as FEATURES_OK, VIRTIO_CONFIG_S_NEEDS_RESET as NEEDS_RESET,
};

use super::{Interface, Numbering, QueueKind, State, features};
use crate::log::Event;
use crate::misbehave::RegisterFault;
use crate::violation::{FreePageViolation, StatisticsViolation, Violation};

impl State {
    /// Whether the driver has set DRIVER_OK.
    pub(crate) fn is_live(&self) -> bool {
        self.status & DRIVER_OK != 0
    }

    /// Whether the driver has set FEATURES_OK and the device kept it. The legacy interface has no such bit: there they
    /// hold as soon as they are written (3.1.2).
    pub(super) fn features_are_settled(&self) -> bool {
        match self.options.interface {
            Interface::Modern => self.status & FEATURES_OK != 0,
            Interface::Legacy => self.status & DRIVER != 0,
        }
    }

    /// Whether it is too late for other features.
    fn features_are_fixed(&self) -> bool {
        match self.options.interface {
            Interface::Modern => self.features_are_settled(),
            Interface::Legacy => self.is_live() || self.queues.values().any(|slot| slot.ring.is_some()),
        }
    }

    /// Whether the features are settled with this one among them.
    pub(super) fn negotiated(&self, feature: u64) -> bool {
        self.features_are_settled() && self.accepted & feature != 0
    }

    pub(super) fn offered(&self) -> u64 {
        let lie = self.faults.register(|fault| match fault {
            RegisterFault::Features(features) => Some(features),
            _ => None,
        });
        lie.unwrap_or(self.options.features)
    }

    pub(super) fn read_device_features(&self, half: u32) -> u32 {
        match half {
            0 => self.offered() as u32,
            1 => (self.offered() >> 32) as u32,
            _ => 0,
        }
    }

    pub(super) fn write_driver_features(&mut self, half: u32, value: u32) {
        if self.features_are_fixed() {
            self.violation(Violation::FeaturesAfterFeaturesOk);
            return;
        }
        let value = u64::from(value);
        match half {
            0 => self.accepted = self.accepted & !0xffff_ffff | value,
            1 => self.accepted = self.accepted & 0xffff_ffff | value << 32,
            _ if value != 0 => {
                // Bits above 63 do not exist in this device; what matters is that none of them was offered.
                self.violation(Violation::FeaturesNotOffered { accepted: u64::MAX, offered: self.offered() });
            }
            _ => {}
        }
        if self.options.interface == Interface::Legacy {
            self.check_offer();
            self.features_hold();
        }
    }

    pub(super) fn read_status(&mut self) -> u32 {
        if let Some(left @ 1..) = self.reset_reads {
            self.reset_reads = Some(if left == u32::MAX { left } else { left - 1 });
            return 1;
        }
        let lie = self.faults.register(|fault| match fault {
            RegisterFault::StatusBits(bits) => Some(bits),
            _ => None,
        });
        self.status | lie.unwrap_or(0)
    }

    pub(super) fn write_status(&mut self, value: u32) {
        if value == 0 {
            return self.reset();
        }
        self.log(Event::StatusWritten(value));
        // The driver may or may not repeat the bit that only the device sets.
        let (from, to) = (self.status & !NEEDS_RESET, value & !NEEDS_RESET);
        let added = to & !from;
        if from & !to != 0 {
            self.violation(Violation::StatusBitsDropped { from, to });
        }
        let modern = self.options.interface == Interface::Modern;
        let needs = match added & !FAILED {
            0 => Some(0),
            ACKNOWLEDGE => Some(0),
            DRIVER => Some(ACKNOWLEDGE),
            FEATURES_OK if modern => Some(ACKNOWLEDGE | DRIVER),
            DRIVER_OK if modern => Some(ACKNOWLEDGE | DRIVER | FEATURES_OK),
            DRIVER_OK => Some(ACKNOWLEDGE | DRIVER),
            _ => None,
        };
        if needs.is_none_or(|needs| from & needs != needs) {
            self.violation(Violation::StatusOrder { from, to });
        }
        let keep = self.status & NEEDS_RESET;
        self.status = to | keep;
        if !modern {
            self.status &= !FEATURES_OK;
        } else if added & FEATURES_OK != 0 {
            self.settle_features();
        }
        if added & DRIVER_OK != 0 {
            self.check_set_up();
        }
    }

    /// Whether all accepted features were offered.
    fn check_offer(&mut self) -> bool {
        let (accepted, offered) = (self.accepted, self.offered());
        let foreign = accepted & !offered != 0;
        if foreign {
            self.violation(Violation::FeaturesNotOffered { accepted, offered });
        }
        !foreign
    }

    fn settle_features(&mut self) {
        let offered = self.check_offer();
        let lies = self.faults.has(RegisterFault::LosesFeaturesOk);
        if lies {
            self.misbehaved(RegisterFault::LosesFeaturesOk);
        }
        // Behind an IOMMU the device cannot do without translated addresses (6.2).
        let needed = features::VERSION_1 | self.options.features & features::ACCESS_PLATFORM;
        if !offered || lies || self.accepted & needed != needed {
            self.status &= !FEATURES_OK;
            self.log(Event::FeaturesRejected(self.accepted));
        } else {
            self.features_hold();
        }
    }

    fn features_hold(&mut self) {
        self.log(Event::FeaturesAccepted(self.accepted));
        // No queue could be set up before.
        if self.options.numbering == Numbering::DenseOverNegotiated {
            self.queues = self.queue_layout();
        }
    }

    /// Section 5.5.5: what has to be there with DRIVER_OK. Inflate and deflate queue are missed when they are notified.
    fn check_set_up(&mut self) {
        if self.negotiated(features::PAGE_POISON) && !self.poison_is_written() {
            self.violation(Violation::PoisonNotWritten);
        }
        let optional = |kind: QueueKind| kind.feature() != 0;
        let mut found = Vec::new();
        for (&queue, slot) in &self.queues {
            if optional(slot.kind) && self.negotiated(slot.kind.feature()) {
                found.push((queue, slot.kind, slot.new_buffers(&self.bus)));
            }
        }
        for (queue, kind, new) in found {
            match (kind, new) {
                (_, None) => self.violation(Violation::QueueNotSetUp { queue }),
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

    /// Section 2.4: back to the start. The target stays, since it is the host's.
    fn reset(&mut self) {
        self.log(Event::Reset { ballooned: self.pages.len() });
        self.pages.clear();
        self.departed.clear();
        self.reported.clear();
        self.statistics.reset();
        self.hinting.reset();
        self.status = 0;
        self.reset_reads = self.faults.register(|fault| match fault {
            RegisterFault::SlowReset(reads) => Some(reads),
            _ => None,
        });
        self.accepted = 0;
        self.device_features_sel = None;
        self.driver_features_sel = None;
        self.queue_sel = None;
        self.interrupt_status = 0;
        self.config.reset();
        self.queues = self.queue_layout();
        self.kicked.clear();
        self.requests.clear();
    }
}
