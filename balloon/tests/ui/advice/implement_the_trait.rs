//! Implements the trait for the platform.
//!
//! * platform_without_the_trait_of_a_feature: implement `Statistics` for `Kernel`
//! * platform_without_the_trait_of_a_feature: implement `FillFrames` for `Kernel`
//! * platform_without_the_trait_of_a_feature: implement `ReportFrames` for `Kernel`
//! * platform_without_the_trait_of_a_feature: implement `HintFrames` for `Kernel`
//! * platform_without_the_trait_of_a_feature: every platform needs `Frames` and `Dma`
//! * platform_without_frames: implement `Frames` for your page-frame allocator
//! * platform_without_frames: every platform needs `Frames` and `Dma`

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::transport::{Dma, DmaRegion, Transport};
use aerostat_balloon::{Balloon, FrameRun, Frames, Options, PrivateMemory, Size4KiB, features};
use aerostat_balloon::platform::{FillFrames, HintFrames, ReportFrames, Sample, Statistics};

struct Kernel;

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..0
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, _max: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate(&mut self, _run: FrameRun<Size4KiB>) {}

    fn allocate_private(&mut self, _words: usize) -> Option<&'static mut [u64]> {
        None
    }

    unsafe fn deallocate_private(&mut self, _memory: PrivateMemory) {}
}

// SAFETY: it allocates no region.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, _layout: Layout) -> Option<DmaRegion> {
        None
    }

    fn free(&mut self, _region: DmaRegion) {}
}

impl Statistics for Kernel {
    fn sample(&mut self, _sample: &mut Sample) {}
}

impl FillFrames for Kernel {
    fn fill(&mut self, _run: &FrameRun<Size4KiB>, _value: u32) {}
}

impl ReportFrames for Kernel {
    fn allocate_unreported(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate_reported(&mut self, _run: FrameRun<Size4KiB>) {}
}

impl HintFrames for Kernel {
    fn allocate_block(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn initialize(&mut self, _run: &FrameRun<Size4KiB>) {}
}

features! {
    struct Declared { StatsVq: Optional, PagePoison: Required, PageReporting: Optional, FreePageHint: Required }
}

fn create<T: Transport>(transport: T) {
    let _ = Balloon::new(transport, Kernel, Options::new(Declared));
}

fn main() {}
