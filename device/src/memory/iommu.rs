//! What stands between a device and memory: VIRTIO_F_ACCESS_PLATFORM.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PAGE_BYTES;

/// The first address that is given out: nowhere near memory, so that the two cannot be mixed up.
const START: u64 = 1 << 40;

/// Which memory a device reaches, and at which addresses. Clones are the same table.
///
/// Mappings are exact to the byte, lie apart from each other, and no address is given out twice: an access before, beyond
/// or after a mapping is always found out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Iommu {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// Physical address and length of what is mapped at each address.
    mappings: BTreeMap<u64, (u64, u64)>,
    /// Bytes of addresses that were given out.
    given: u64,
}

impl Iommu {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the device reach `bytes` bytes of memory: at which address, which is as much aligned as `physical` is, up to a
    /// page. `None` when addresses have run out.
    pub(crate) fn map(&self, physical: u64, bytes: u64) -> Option<u64> {
        let mut table = self.table();
        let offset = physical % PAGE_BYTES;
        let address = START.checked_add(table.given)?.checked_add(offset)?;
        // A page that is never mapped comes after each.
        let pages = offset.checked_add(bytes)?.checked_next_multiple_of(PAGE_BYTES)?.checked_add(PAGE_BYTES)?;
        table.given = table.given.checked_add(pages)?;
        table.mappings.insert(address, (physical, bytes));
        Some(address)
    }

    /// Takes memory from the device's reach. Whether it was in it with this length.
    pub(crate) fn unmap(&self, physical: u64, bytes: u64) -> bool {
        let mut table = self.table();
        let found =
            table.mappings.iter().find(|(_, mapped)| **mapped == (physical, bytes)).map(|(address, _)| *address);
        found.is_some_and(|address| table.mappings.remove(&address).is_some())
    }

    /// Where an access to `bytes` bytes at `address` leads, if all of them are mapped together.
    pub(crate) fn translate(&self, address: u64, bytes: u64) -> Option<u64> {
        let table = self.table();
        let (start, (physical, length)) = table.mappings.range(..=address).next_back()?;
        let offset = address - start;
        let inside = offset.checked_add(bytes).is_some_and(|end| end <= *length);
        inside.then(|| physical + offset)
    }

    /// How many mappings there are.
    pub(crate) fn len(&self) -> usize {
        self.table().mappings.len()
    }

    /// Whether the device reaches any of these bytes.
    pub(crate) fn reaches(&self, physical: u64, bytes: u64) -> bool {
        let meets = |(start, length): &(u64, u64)| *start < physical + bytes && physical < start + length;
        self.table().mappings.values().any(meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_exact_apart_and_never_come_again() {
        let iommu = Iommu::default();
        let first = iommu.map(0x1_0010, 0x20).unwrap();
        let second = iommu.map(0x1_0030, 0x1000).unwrap();
        assert_eq!((first % PAGE_BYTES, second % PAGE_BYTES, iommu.len()), (0x10, 0x30, 2));
        assert_eq!(iommu.translate(first + 4, 0x1c), Some(0x1_0014));
        assert_eq!(iommu.translate(second + 0xfff, 1), Some(0x1_102f));
        for (address, bytes) in [(first - 1, 1), (first + 4, 0x1d), (first + 0x20, 1), (0x1_0010, 1), (u64::MAX, 2)] {
            assert_eq!(iommu.translate(address, bytes), None, "{address:#x}");
        }
        assert!(iommu.reaches(0x1_1000, 0x1000) && !iommu.reaches(0x1_1030, 0x1000));
        assert!(!iommu.unmap(0x1_0010, 0x10) && iommu.unmap(0x1_0010, 0x20) && !iommu.unmap(0x1_0010, 0x20));
        assert_eq!((iommu.translate(first, 1), iommu.len()), (None, 1));
        assert!(iommu.map(0x1_0010, 0x20).unwrap() > second);
        assert_eq!(iommu.map(0, u64::MAX), None);
    }
}
