//! DMA memory from an allocator of page frames.

use core::alloc::Layout;
use core::ptr::{NonNull, with_exposed_provenance_mut};

use aerostat_balloon::FrameSize;
use aerostat_balloon::transport::{Dma, DmaRegion};

use crate::frames::FrameAllocator;
use crate::owned::Regions;

/// [`Dma`] over a [`FrameAllocator`], for a kernel that maps all memory at one offset.
///
/// Each region takes whole frames. The device uses physical addresses.
#[derive(Debug)]
pub struct FrameDma<A> {
    allocator: A,
    direct_map: usize,
    regions: Regions,
}

impl<A: FrameAllocator> FrameDma<A> {
    /// Returns an allocator of DMA memory. `direct_map` is the virtual address of physical address 0, and 0 if memory is mapped at
    /// its physical address.
    ///
    /// # Safety
    ///
    /// * The memory of each frame that `allocator` returns is mapped at its physical address plus `direct_map` (modulo 2^N, for
    ///   addresses of N bits), readable, writable and coherent with the device, as long as the frame is allocated.
    /// * The provenance of the memory is exposed, or its address was never that of a Rust object.
    pub const unsafe fn new(allocator: A, direct_map: usize) -> Self {
        Self { allocator, direct_map, regions: Regions::new() }
    }

    /// Returns the number of frames for a layout that is not empty.
    fn frames(layout: Layout) -> Option<u32> {
        let bytes = u64::try_from(layout.size()).ok().filter(|&bytes| bytes != 0)?;
        let is_aligned = layout.align() as u64 <= A::Size::BYTES;
        is_aligned.then(|| bytes.div_ceil(A::Size::BYTES)).and_then(|frames| frames.try_into().ok())
    }
}

// SAFETY:
// * The frames have no other owner until they are freed, by the promise of `FrameAllocator`, and are mapped, by the promise of the
//   caller of `new`.
// * Frames are contiguous in both address spaces, and aligned to their size. Larger alignments are rejected, and those that the offset
//   between both does not have.
// * `free` ignores regions that are not in the list.
// * The device uses physical addresses: `map` is the identity.
unsafe impl<A: FrameAllocator> Dma for FrameDma<A> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let is_possible = self.direct_map.is_multiple_of(layout.align()) && self.regions.has_room();
        let frames = Self::frames(layout).filter(|_| is_possible)?;
        let first = self.allocator.allocate(frames)?;
        let physical = first.checked_mul(A::Size::BYTES);
        let address = physical.and_then(|physical| Some(usize::try_from(physical).ok()?.wrapping_add(self.direct_map)));
        let (Some(physical), Some(start)) =
            (physical, address.and_then(|it| NonNull::new(with_exposed_provenance_mut(it))))
        else {
            // SAFETY: they were allocated just now.
            unsafe { self.allocator.deallocate(first, frames) };
            return None;
        };
        // SAFETY: see the implementation's promise.
        let region = unsafe { DmaRegion::new(start, physical, layout) };
        self.regions.add(&region);
        Some(region)
    }

    fn free(&mut self, region: DmaRegion) {
        if let Some(frames) = Self::frames(region.layout()).filter(|_| self.regions.remove(&region)) {
            // SAFETY: `alloc` allocated them for this region, which nothing uses any more.
            unsafe { self.allocator.deallocate(region.physical() / A::Size::BYTES, frames) };
        }
    }
}
