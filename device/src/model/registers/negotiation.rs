//! Feature negotiation (2.2, 3.1).

use super::super::features;
use super::super::numbering::{Numbering, QueueKind};
use super::super::options::Interface;
use super::super::state::State;
use super::status::{DRIVER, FEATURES_OK};
use crate::event::Event;
use crate::fault::RegisterFault;
use crate::violation::StatusViolation;

impl State {
    /// Returns whether the accepted features are in effect. On the legacy interface, which has no FEATURES_OK, they are in
    /// effect as soon as the driver writes them (3.1.2).
    pub(crate) fn is_negotiated(&self) -> bool {
        match self.options.interface {
            Interface::Modern => self.status & FEATURES_OK != 0,
            Interface::Legacy => self.status & DRIVER != 0,
        }
    }

    /// Returns whether the driver can no longer change the accepted features.
    fn is_negotiation_over(&self) -> bool {
        match self.options.interface {
            Interface::Modern => self.is_negotiated(),
            Interface::Legacy => self.is_live() || self.queues.values().any(|queue| queue.is_ready()),
        }
    }

    /// Returns whether `feature` is negotiated.
    pub(crate) fn negotiated(&self, feature: u64) -> bool {
        self.is_negotiated() && self.accepted & feature != 0
    }

    /// Returns whether the driver has no use for a queue of this kind: its feature is not negotiated.
    pub(crate) fn is_unused(&self, kind: QueueKind) -> bool {
        kind == QueueKind::Further || kind.feature() != 0 && !self.negotiated(kind.feature())
    }

    fn offered(&self) -> u64 {
        self.faults.features().unwrap_or(self.options.features)
    }

    pub(crate) fn read_device_features(&self, half: u32) -> u32 {
        match half {
            0 => self.offered() as u32,
            1 => (self.offered() >> 32) as u32,
            _ => 0,
        }
    }

    pub(crate) fn write_driver_features(&mut self, half: u32, value: u32) {
        if self.is_negotiation_over() {
            return self.violation(StatusViolation::FeaturesAfterFeaturesOk);
        }
        let value = u64::from(value);
        match half {
            0 => self.accepted = self.accepted & !0xffff_ffff | value,
            1 => self.accepted = self.accepted & 0xffff_ffff | value << 32,
            _ if value != 0 => {
                // The device offers no feature above bit 63.
                self.violation(StatusViolation::FeaturesNotOffered { accepted: u64::MAX, offered: self.offered() });
            }
            _ => {}
        }
        if self.options.interface == Interface::Legacy {
            self.check_accepted();
            self.apply_features();
        }
    }

    /// Returns whether all accepted features were offered.
    fn check_accepted(&mut self) -> bool {
        let (accepted, offered) = (self.accepted, self.offered());
        let valid = accepted & !offered == 0;
        if !valid {
            self.violation(StatusViolation::FeaturesNotOffered { accepted, offered });
        }
        valid
    }

    /// Keeps FEATURES_OK, which the driver has set, or clears it.
    pub(crate) fn confirm_features(&mut self) {
        let valid = self.check_accepted();
        let rejects = self.faults.has(RegisterFault::ClearsFeaturesOk);
        if rejects {
            self.log_fault(RegisterFault::ClearsFeaturesOk);
        }
        // A device behind an IOMMU requires ACCESS_PLATFORM (6.2).
        let required = features::VERSION_1 | self.options.features & features::ACCESS_PLATFORM;
        if !valid || rejects || self.accepted & required != required {
            self.status &= !FEATURES_OK;
            self.log(Event::FeaturesRejected(self.accepted));
        } else {
            self.apply_features();
        }
    }

    fn apply_features(&mut self) {
        self.log(Event::FeaturesAccepted(self.accepted));
        // This loses no set-up: the driver cannot configure queues before.
        if self.options.numbering == Numbering::DenseOverNegotiated {
            self.queues = self.new_queues(self.is_negotiated().then_some(self.accepted));
        }
    }
}
