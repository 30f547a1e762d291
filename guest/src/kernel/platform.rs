//! The kernel as the balloon driver sees it: memory that the device can reach, and the frames that go into the balloon.
//!
//! All of it comes from [`FRAMES`]. The modules below implement the traits of optional features.

mod blocks;
mod poison;
pub(crate) mod statistics;

use core::alloc::Layout;
use core::num::NonZero;
use core::ops::Range;
use core::ptr::NonNull;
use core::slice;

use aerostat_balloon::platform::ManagedChange;
use aerostat_balloon::transport::{Dma, DmaRegion};
use aerostat_balloon::{FrameRun, Frames, PrivateMemory, Size4KiB};
use aerostat_guest::FRAME_BYTES;

use super::memory::{self, FRAMES};

/// The kernel's memory. The value has no data, because there is one frame allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Platform;

impl Frames for Platform {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..FRAMES.lock().end()
    }

    fn free_frames(&self) -> u64 {
        FRAMES.lock().available()
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        let run = memory::allocate(most)?;
        // SAFETY: the frames were free memory, and the allocator does not return them again until they are deallocated.
        // The run is not longer than `most`, which has 32 bits.
        Some(unsafe { FrameRun::from_raw(run.start, (run.end - run.start) as u32) })
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        FRAMES.lock().deallocate(run.first()..run.first() + u64::from(run.count()));
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        FRAMES.lock().adjust_total(match change {
            ManagedChange::Removed(frames) => -i64::from(frames),
            ManagedChange::Added(frames) => frames.into(),
        });
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let start = allocate_bytes(Layout::array::<u64>(words).ok()?)?.cast::<u64>();
        // SAFETY: the memory was just allocated and is large enough.
        unsafe { start.write_bytes(0, words) };
        // SAFETY: as above; it is aligned, initialized by the line above, and freed only through the slice itself.
        Some(unsafe { slice::from_raw_parts_mut(start.as_ptr(), words) })
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        let words = memory.into_raw();
        deallocate_bytes(words.addr().get() as u64, words.len() * size_of::<u64>());
    }
}

// SAFETY: memory is mapped at its physical address. Devices use physical addresses and are cache coherent. The frames were
// free, and are aligned as requested.
unsafe impl Dma for Platform {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let start = allocate_bytes(layout)?;
        // SAFETY: see the implementation of the trait.
        Some(unsafe { DmaRegion::new(start, start.addr().get() as u64, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        deallocate_bytes(region.physical(), region.len());
    }
}

/// Allocates memory for `layout`. Its physical address is its virtual address.
fn allocate_bytes(layout: Layout) -> Option<NonNull<u8>> {
    let frames = FRAMES.lock().allocate_layout(layout)?;
    let address = (frames.start * FRAME_BYTES) as usize;
    // Frame 0 is never free.
    Some(NonNull::with_exposed_provenance(NonZero::new(address)?))
}

/// Deallocates memory of [`allocate_bytes`].
fn deallocate_bytes(address: u64, bytes: usize) {
    let first = address / FRAME_BYTES;
    FRAMES.lock().deallocate(first..first + (bytes as u64).div_ceil(FRAME_BYTES));
}
