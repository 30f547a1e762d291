//! Mapping memory and registers. The kernel runs without paging, so that there is nothing to do.

use core::ops::Range;

use aerostat_balloon::transport::MmioRegion;

use crate::kernel::memory;

/// Addresses are physical: this is the end of all that a hart can have, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 1 << 56;

/// Maps memory at its physical addresses.
pub(crate) fn map(_: Range<u64>) -> Option<()> {
    Some(())
}

/// Returns registers of a device at physical addresses. Their physical memory attributes make accesses uncached. Returns
/// `None` if there is RAM.
pub(crate) fn registers(addresses: Range<u64>) -> Option<MmioRegion> {
    memory::registers(addresses, map)
}
