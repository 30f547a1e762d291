//! What the kernels share: a platform whose functions are outside of the program.
//!
//! The kernels are linked for size and never run. Each calls everything that it can call of its balloon.
#![no_std]

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames, Sample, StatTag, Statistics};
use aerostat_balloon::transport::{Dma, DmaRegion};
use aerostat_balloon::{FrameRun, FrameSize, Frames, PrivateMemory, Size4KiB};

/// A kernel whose allocators are other code.
#[derive(Debug)]
pub struct Kernel<S = Size4KiB>(PhantomData<S>);

impl<S> Kernel<S> {
    /// Returns the kernel.
    #[expect(clippy::new_without_default, reason = "the kernels are never run")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

unsafe extern "C" {
    fn kernel_end() -> u64;
    fn kernel_allocate(max: u32, aligned: u32, count: *mut u32) -> u64;
    fn kernel_deallocate(first: u64, count: u32);
    fn kernel_memory(bytes: usize) -> *mut u8;
    fn kernel_fill(first: u64, count: u32, value: u32);
    fn kernel_statistic(tag: u16) -> u64;
}

fn allocate<S: FrameSize>(max: u32, aligned: u32) -> Option<FrameRun<S>> {
    let mut count = 0;
    // SAFETY: the function writes to the count only.
    let first = unsafe { kernel_allocate(max, aligned, &raw mut count) };
    // SAFETY: the allocator returns free frames.
    (count > 0).then(|| unsafe { FrameRun::from_raw(first, count) })
}

fn memory(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: the function has no preconditions.
    NonNull::new(unsafe { kernel_memory(bytes) })
}

impl<S: FrameSize> Frames for Kernel<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        // SAFETY: the function has no preconditions.
        0..unsafe { kernel_end() }
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<S>> {
        allocate(max, 1)
    }

    fn deallocate(&mut self, run: FrameRun<S>) {
        // SAFETY: the frames came from the allocator.
        unsafe { kernel_deallocate(run.first(), run.count()) };
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let start = memory(words * size_of::<u64>())?.cast();
        // SAFETY: the memory is new, zeroed, aligned and long enough, and is never freed.
        Some(unsafe { NonNull::slice_from_raw_parts(start, words).as_mut() })
    }

    unsafe fn deallocate_private(&mut self, _memory: PrivateMemory) {}
}

// SAFETY: each call returns different memory, which driver and device see at the same address.
unsafe impl<S> Dma for Kernel<S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let start = memory(layout.size())?;
        // SAFETY: nothing else uses this memory.
        Some(unsafe { DmaRegion::new(start, start.addr().get() as u64, layout) })
    }

    fn free(&mut self, _region: DmaRegion) {}
}

impl<S> Statistics for Kernel<S> {
    fn sample(&mut self, sample: &mut Sample) {
        // SAFETY: the function has no preconditions.
        sample.set(StatTag::FreeMemory, unsafe { kernel_statistic(StatTag::FreeMemory.to_raw()) });
    }
}

impl<S: FrameSize> ReportFrames for Kernel<S> {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<S>> {
        allocate(frames, frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<S>) {
        self.deallocate(run);
    }
}

impl<S: FrameSize> BlockFrames for Kernel<S> {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<S>> {
        allocate(max, frames)
    }
}

impl<S: FrameSize> HintFrames for Kernel<S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        allocate(frames, frames)
    }

    fn initialize(&mut self, _run: &FrameRun<S>) {}
}

impl<S: FrameSize> FillFrames for Kernel<S> {
    fn fill(&mut self, run: &FrameRun<S>, value: u32) {
        // SAFETY: the frames belong to the balloon.
        unsafe { kernel_fill(run.first(), run.count(), value) };
    }
}
