//! `Hal` of the crate `virtio-drivers`.
#![allow(
    clippy::unnecessary_fallible_conversions,
    clippy::useless_conversion,
    reason = "`PhysAddr` is a `usize` in version 0.11 of the crate"
)]

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;

use aerostat_balloon::transport::{Dma, DmaRegion};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::owned::Regions;

/// [`Dma`] over the `Hal` of a kernel that uses the crate `virtio-drivers`. Each region takes whole pages.
///
/// `Hal::dma_alloc` returns addresses that the device can use, so nothing is mapped.
pub struct HalDma<H> {
    regions: Regions,
    hal: PhantomData<fn() -> H>,
}

impl<H: Hal> HalDma<H> {
    /// Returns an allocator of DMA memory.
    pub const fn new() -> Self {
        Self { regions: Regions::new(), hal: PhantomData }
    }

    fn pages(layout: Layout) -> usize {
        layout.size().div_ceil(PAGE_SIZE)
    }
}

impl<H: Hal> Default for HalDma<H> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY:
// * `Hal` promises that the memory is valid, aligned to a page, and not used by others until it is deallocated, and that the device
//   can access it at the address. Larger alignments are rejected.
// * `free` ignores regions that are not in the list.
// * `map` is the identity.
unsafe impl<H: Hal> Dma for HalDma<H> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        if layout.size() == 0 || layout.align() > PAGE_SIZE || !self.regions.has_room() {
            return None;
        }
        let (physical, start) = H::dma_alloc(Self::pages(layout), BufferDirection::Both);
        // 0 is the crate's value for a failure.
        if physical == 0 {
            return None;
        }
        // SAFETY: see the implementation's promise.
        let region = unsafe { DmaRegion::new(start, u64::try_from(physical).ok()?, layout) };
        self.regions.add(&region);
        Some(region)
    }

    fn free(&mut self, region: DmaRegion) {
        if let (true, Ok(physical)) = (self.regions.remove(&region), PhysAddr::try_from(region.physical())) {
            // SAFETY: `alloc` allocated it with these values, and nothing uses it any more. If it fails, the memory is leaked.
            unsafe { H::dma_dealloc(physical, region.as_ptr(), Self::pages(region.layout())) };
        }
    }
}

impl<H> fmt::Debug for HalDma<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HalDma").field("regions", &self.regions).finish()
    }
}
