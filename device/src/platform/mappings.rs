//! Addresses for a device behind an IOMMU: VIRTIO_F_ACCESS_PLATFORM.

use aerostat_transport::DeviceAddress;

use super::ledger::{Ledger, lock};
use super::violation::OwnershipViolation;
use crate::memory::Iommu;
use crate::misbehave::When;

/// When mappings fail.
#[derive(Debug, Default)]
pub(super) struct MappingBook {
    made: u64,
    failure: Option<When>,
}

impl Ledger {
    /// How many pieces of memory are mapped for the device, where it is behind an IOMMU.
    pub fn mappings(&self) -> usize {
        self.iommu().map_or(0, |iommu| iommu.len())
    }

    /// Lets mappings fail, counted from 0 from now on; `None` for none.
    pub fn fail_mappings(&self, when: Option<When>) {
        *lock(&self.mappings) = MappingBook { made: 0, failure: when };
    }

    fn iommu(&self) -> Option<Iommu> {
        self.device.as_ref().and_then(|device| device.look(|state| state.iommu().cloned()))
    }

    /// Notes a piece of memory that comes back while the device still reaches it.
    pub(super) fn check_unmapped(&self, physical: u64, bytes: u64) {
        if self.iommu().is_some_and(|iommu| iommu.reaches(physical, bytes)) {
            self.violation(OwnershipViolation::StillMapped { physical, bytes });
        }
    }
}

/// What the platform does.
impl Ledger {
    /// Makes memory reachable for the device: at its physical address unless the device is behind an IOMMU, which it is
    /// where it offers ACCESS_PLATFORM. `None` when mappings are to fail.
    pub(super) fn map(&self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        let mut book = lock(&self.mappings);
        let number = book.made;
        book.made += 1;
        if book.failure.is_some_and(|when| when.holds(number)) {
            return None;
        }
        match self.iommu() {
            Some(iommu) => iommu.map(physical, bytes as u64).map(DeviceAddress),
            None => Some(DeviceAddress(physical)),
        }
    }

    pub(super) fn unmap(&self, physical: u64, bytes: usize) {
        let bytes = bytes as u64;
        if self.iommu().is_some_and(|iommu| !iommu.unmap(physical, bytes)) {
            self.violation(OwnershipViolation::NotMapped { physical, bytes });
        }
    }
}
