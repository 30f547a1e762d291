//! A platform for the balloon.

use core::alloc::Layout;
use core::ops::Range;

use aerostat_balloon::platform::{
    BlockFrames, FillFrames, FreeContents, HintFrames, ManagedChange, ReportFrames, Sample, Statistics,
};
use aerostat_balloon::transport::{DeviceAddress, Dma, DmaDomain, DmaRegion};
use aerostat_balloon::{FrameRun, Frames, PrivateMemory};

/// A platform for the balloon: an allocator of page frames, one of DMA memory, and the kernel's statistics, if it has some.
///
/// It has the traits for blocks to report or hint, and for filling, that `frames` has. To add one, implement it for a type that
/// contains [`KernelFrames`](crate::KernelFrames).
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelPlatform<F, D, S = ()> {
    /// The page frames.
    pub frames: F,
    /// The memory that is shared with the device.
    pub dma: D,
    /// The statistics of the kernel: a type with [`Statistics`], or `()`.
    pub statistics: S,
}

impl<F, D> KernelPlatform<F, D> {
    /// Returns a platform without statistics.
    pub const fn new(frames: F, dma: D) -> Self {
        Self { frames, dma, statistics: () }
    }
}

impl<F: Frames, D, S> Frames for KernelPlatform<F, D, S> {
    type Size = F::Size;

    fn range(&self) -> Range<u64> {
        self.frames.range()
    }

    fn set_usable(&mut self, frames: Range<u64>) {
        self.frames.set_usable(frames);
    }

    fn free_frames(&self) -> u64 {
        self.frames.free_frames()
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<F::Size>> {
        self.frames.allocate(max)
    }

    fn deallocate(&mut self, run: FrameRun<F::Size>) {
        self.frames.deallocate(run);
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        self.frames.adjust_managed(change);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.frames.allocate_private(words)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: by the caller's promise.
        unsafe { self.frames.deallocate_private(memory) }
    }
}

// SAFETY: another implementation makes all promises.
unsafe impl<F, D: Dma, S> Dma for KernelPlatform<F, D, S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.dma.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.dma.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.dma.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        // SAFETY: by the caller's promise.
        unsafe { self.dma.unmap(physical, bytes) }
    }

    fn domain(&self) -> DmaDomain {
        self.dma.domain()
    }
}

impl<F, D, S: Statistics> Statistics for KernelPlatform<F, D, S> {
    fn sample(&mut self, sample: &mut Sample) {
        self.statistics.sample(sample);
    }
}

impl<F: ReportFrames, D, S> ReportFrames for KernelPlatform<F, D, S> {
    const CONTENTS: FreeContents = F::CONTENTS;

    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<F::Size>> {
        self.frames.allocate_unreported(frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<F::Size>) {
        self.frames.deallocate_reported(run);
    }
}

impl<F: BlockFrames, D, S> BlockFrames for KernelPlatform<F, D, S> {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<F::Size>> {
        self.frames.allocate_blocks(frames, max)
    }
}

impl<F: HintFrames, D, S> HintFrames for KernelPlatform<F, D, S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<F::Size>> {
        self.frames.allocate_block(frames)
    }

    fn initialize(&mut self, run: &FrameRun<F::Size>) {
        self.frames.initialize(run);
    }
}

impl<F: FillFrames, D, S> FillFrames for KernelPlatform<F, D, S> {
    fn fill(&mut self, run: &FrameRun<F::Size>, value: u32) {
        self.frames.fill(run, value);
    }
}
