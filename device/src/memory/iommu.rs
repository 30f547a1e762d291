//! The IOMMU of a device that offers VIRTIO_F_ACCESS_PLATFORM.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerostat_transport::DmaDomain;

use super::guest::PAGE_BYTES;

/// The first device address: far above guest memory, so that device and physical addresses cannot be confused.
const START: u64 = 1 << 40;

/// The mappings of a device. Clones share one table.
///
/// Mappings have byte granularity, are separated by unmapped pages, and device addresses are never reused. An access
/// before, beyond or after the lifetime of a mapping is therefore always detected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Iommu {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// Device address to physical address and length in bytes.
    mappings: BTreeMap<u64, (u64, u64)>,
    /// Bytes of device address space in use.
    allocated: u64,
}

impl Iommu {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Maps `bytes` bytes of memory and returns the device address, which has the same offset in its page as `physical`.
    /// `None` if the device address space is exhausted.
    pub(crate) fn map(&self, physical: u64, bytes: u64) -> Option<u64> {
        let mut table = self.table();
        let offset = physical % PAGE_BYTES;
        let address = START.checked_add(table.allocated)?.checked_add(offset)?;
        // A guard page that is never mapped follows each mapping.
        let pages = offset.checked_add(bytes)?.checked_next_multiple_of(PAGE_BYTES)?.checked_add(PAGE_BYTES)?;
        table.allocated = table.allocated.checked_add(pages)?;
        table.mappings.insert(address, (physical, bytes));
        Some(address)
    }

    /// Removes a mapping. Returns whether exactly this range was mapped.
    pub(crate) fn unmap(&self, physical: u64, bytes: u64) -> bool {
        let mut table = self.table();
        let found =
            table.mappings.iter().find(|(_, mapped)| **mapped == (physical, bytes)).map(|(address, _)| *address);
        found.is_some_and(|address| table.mappings.remove(&address).is_some())
    }

    /// Translates the address of `bytes` bytes that lie in one mapping.
    pub(crate) fn translate(&self, address: u64, bytes: u64) -> Option<u64> {
        let table = self.table();
        let (start, (physical, length)) = table.mappings.range(..=address).next_back()?;
        let offset = address - start;
        let inside = offset.checked_add(bytes).is_some_and(|end| end <= *length);
        inside.then(|| physical + offset)
    }

    /// Returns the domain of a device with this table, or of one without.
    pub(crate) fn domain(iommu: Option<&Self>) -> DmaDomain {
        // No other table has the same address.
        let number = iommu.and_then(|iommu| NonZeroU64::new(Arc::as_ptr(&iommu.table).addr() as u64));
        number.map_or(DmaDomain::IDENTITY, DmaDomain::new)
    }

    /// Returns the number of mappings.
    pub(crate) fn len(&self) -> usize {
        self.table().mappings.len()
    }

    /// Returns whether any of these bytes is mapped.
    pub(crate) fn maps_any_of(&self, physical: u64, bytes: u64) -> bool {
        let overlaps = |(start, length): &(u64, u64)| *start < physical + bytes && physical < start + length;
        self.table().mappings.values().any(overlaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_have_byte_granularity_and_addresses_are_not_reused() {
        let iommu = Iommu::default();
        let first = iommu.map(0x1_0010, 0x20).unwrap();
        let second = iommu.map(0x1_0030, 0x1000).unwrap();
        assert_eq!((first % PAGE_BYTES, second % PAGE_BYTES, iommu.len()), (0x10, 0x30, 2));
        assert_eq!(iommu.translate(first + 4, 0x1c), Some(0x1_0014));
        assert_eq!(iommu.translate(second + 0xfff, 1), Some(0x1_102f));
        for (address, bytes) in [(first - 1, 1), (first + 4, 0x1d), (first + 0x20, 1), (0x1_0010, 1), (u64::MAX, 2)] {
            assert_eq!(iommu.translate(address, bytes), None, "{address:#x}");
        }
        assert!(iommu.maps_any_of(0x1_1000, 0x1000) && !iommu.maps_any_of(0x1_1030, 0x1000));
        assert!(!iommu.unmap(0x1_0010, 0x10) && iommu.unmap(0x1_0010, 0x20) && !iommu.unmap(0x1_0010, 0x20));
        assert_eq!((iommu.translate(first, 1), iommu.len()), (None, 1));
        assert!(iommu.map(0x1_0010, 0x20).unwrap() > second);
        assert_eq!(iommu.map(0, u64::MAX), None);
    }
}
