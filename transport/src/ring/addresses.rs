//! Addresses of the parts of a ring.

use crate::dma::DeviceAddress;

/// Alignment in bytes of a ring and of its used ring on the legacy interface, and the unit of the ring's address. Legacy PCI
/// prescribes it; legacy MMIO lets the driver choose.
pub(crate) const LEGACY_ALIGN: usize = 4096;

/// The addresses of the parts of a ring, as the device sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingAddresses {
    /// Descriptor table ("Descriptor Area").
    pub descriptors: DeviceAddress,
    /// Available ring ("Driver Area").
    pub driver: DeviceAddress,
    /// Used ring ("Device Area").
    pub device: DeviceAddress,
}

impl RingAddresses {
    /// Returns the address of a legacy ring in units of 4096 bytes. `None` if it does not fit into 32 bits, if it is not a
    /// multiple of the unit, or if it is 0, which means "no ring".
    #[cfg(feature = "legacy")]
    pub(crate) fn legacy_pfn(&self) -> Option<u32> {
        let unit = LEGACY_ALIGN as u64;
        let pfn = u32::try_from(self.descriptors.0 / unit).ok()?;
        (pfn != 0 && self.descriptors.0.is_multiple_of(unit)).then_some(pfn)
    }
}
