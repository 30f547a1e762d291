//! Mappings for a device behind an IOMMU: VIRTIO_F_ACCESS_PLATFORM.

use aerostat_transport::{DeviceAddress, DmaDomain};

use super::failure::FailurePlan;
use super::ledger::{Ledger, lock};
use super::violation::OwnershipViolation;
use crate::fault::When;
use crate::memory::Iommu;

/// Calls of the test.
impl Ledger {
    /// Returns how many ranges are mapped for the device: 0 unless the device is behind an IOMMU.
    pub fn mappings(&self) -> usize {
        self.iommu().map_or(0, |iommu| iommu.len())
    }

    /// Makes mappings fail, counted from 0 from now on; `None` for no failures.
    pub fn fail_mappings(&self, when: Option<When>) {
        *lock(&self.mapping_failures) = FailurePlan::new(when);
    }

    fn iommu(&self) -> Option<Iommu> {
        self.device.as_ref().and_then(|device| device.inspect(|state| state.iommu().cloned()))
    }

    /// Records a violation if memory that the driver returns is still mapped for the device.
    pub(super) fn check_unmapped(&self, physical: u64, bytes: u64) {
        if self.iommu().is_some_and(|iommu| iommu.maps_any_of(physical, bytes)) {
            self.violation(OwnershipViolation::StillMapped { physical, bytes });
        }
    }
}

/// Calls of the platform.
impl Ledger {
    /// Maps memory for the device, and returns the device address: the physical address unless the device offers
    /// ACCESS_PLATFORM. `None` for an injected failure.
    pub(super) fn map(&self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        if lock(&self.mapping_failures).next_call_fails() {
            return None;
        }
        match self.iommu() {
            Some(iommu) => iommu.map(physical, bytes as u64).map(DeviceAddress),
            None => Some(DeviceAddress(physical)),
        }
    }

    /// Returns the domain of the device's IOMMU, if it has one.
    pub(super) fn domain(&self) -> DmaDomain {
        Iommu::domain(self.iommu().as_ref())
    }

    pub(super) fn unmap(&self, physical: u64, bytes: usize) {
        let bytes = bytes as u64;
        if self.iommu().is_some_and(|iommu| !iommu.unmap(physical, bytes)) {
            self.violation(OwnershipViolation::NotMapped { physical, bytes });
        }
    }
}
