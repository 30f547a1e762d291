//! A kernel that is another one, except for the calls that a test changes.

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::platform::{
    BlockFrames, FillFrames, FreeContents, HintFrames, ManagedChange, ReportFrames, Sample, Statistics,
};
use aerostat_balloon::transport::{DeviceAddress, Dma, DmaDomain, DmaRegion};
use aerostat_balloon::{FrameRun, FrameSize, Frames, PrivateMemory, Size4KiB};
use aerostat_device::TestPlatform;

/// A kernel with every optional trait.
pub(crate) trait Whole: BlockFrames + HintFrames + FillFrames + Statistics + Dma {}

impl<K: BlockFrames + HintFrames + FillFrames + Statistics + Dma> Whole for K {}

/// A run of frames of the kernel `K`.
pub(crate) type RunOf<K> = FrameRun<<K as Frames>::Size>;

/// What a test changes in a kernel. A method is called in place of the kernel's method of this name, and calls it if the test does not
/// define it.
pub(crate) trait Changes<K: Whole = TestPlatform> {
    const CONTENTS: FreeContents = K::CONTENTS;

    fn range(&self, kernel: &K) -> Range<u64> {
        kernel.range()
    }

    fn set_usable(&mut self, kernel: &mut K, frames: Range<u64>) {
        kernel.set_usable(frames);
    }

    fn free_frames(&self, kernel: &K) -> u64 {
        kernel.free_frames()
    }

    fn allocate(&mut self, kernel: &mut K, max: u32) -> Option<RunOf<K>> {
        kernel.allocate(max)
    }

    fn deallocate(&mut self, kernel: &mut K, run: RunOf<K>) {
        kernel.deallocate(run);
    }

    fn allocate_private(&mut self, kernel: &mut K, words: usize) -> Option<&'static mut [u64]> {
        kernel.allocate_private(words)
    }

    /// Called after DMA memory was allocated.
    fn allocated_dma(&mut self, _region: &DmaRegion) {}

    /// Has to call `unmap`, which is the kernel's method.
    fn unmap(&mut self, _physical: u64, _bytes: usize, unmap: impl FnOnce()) {
        unmap();
    }

    fn domain(&self, kernel: &K) -> DmaDomain {
        kernel.domain()
    }

    fn allocate_unreported(&mut self, kernel: &mut K, frames: u32) -> Option<RunOf<K>> {
        kernel.allocate_unreported(frames)
    }

    fn allocate_blocks(&mut self, kernel: &mut K, frames: u32, max: u32) -> Option<RunOf<K>> {
        kernel.allocate_blocks(frames, max)
    }

    fn allocate_block(&mut self, kernel: &mut K, frames: u32) -> Option<RunOf<K>> {
        kernel.allocate_block(frames)
    }

    fn fill(&mut self, kernel: &mut K, run: &RunOf<K>, value: u32) {
        kernel.fill(run, value);
    }

    fn sample(&mut self, kernel: &mut K, sample: &mut Sample) {
        kernel.sample(sample);
    }
}

/// The kernel `K` with the changes `C`.
#[derive(Debug)]
pub(crate) struct Changed<C, K = TestPlatform> {
    pub(crate) kernel: K,
    pub(crate) changes: C,
}

impl<C, K> Changed<C, K> {
    pub(crate) fn new(kernel: K, changes: C) -> Self {
        Self { kernel, changes }
    }
}

impl<C: Clone, S: FrameSize> Changed<C, TestPlatform<S>> {
    /// Returns another way to the same kernel, for handles.
    pub(crate) fn share(&self) -> Self {
        Self { kernel: self.kernel.share(), changes: self.changes.clone() }
    }
}

impl<C: Changes<K>, K: Whole> Frames for Changed<C, K> {
    type Size = K::Size;

    fn range(&self) -> Range<u64> {
        self.changes.range(&self.kernel)
    }

    fn set_usable(&mut self, frames: Range<u64>) {
        self.changes.set_usable(&mut self.kernel, frames);
    }

    fn free_frames(&self) -> u64 {
        self.changes.free_frames(&self.kernel)
    }

    fn allocate(&mut self, max: u32) -> Option<RunOf<K>> {
        self.changes.allocate(&mut self.kernel, max)
    }

    fn deallocate(&mut self, run: RunOf<K>) {
        self.changes.deallocate(&mut self.kernel, run);
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        self.kernel.adjust_managed(change);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.changes.allocate_private(&mut self.kernel, words)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: the kernel allocated the memory.
        unsafe { self.kernel.deallocate_private(memory) };
    }
}

// SAFETY: the memory is that of a kernel that fulfils the contract. A test with another domain has a device without an IOMMU, and one
// that does not unmap memory does not use it again.
unsafe impl<C: Changes<K>, K: Whole> Dma for Changed<C, K> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let region = self.kernel.alloc(layout)?;
        self.changes.allocated_dma(&region);
        Some(region)
    }

    fn free(&mut self, region: DmaRegion) {
        self.kernel.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.kernel.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        let Self { kernel, changes } = self;
        // SAFETY: by the caller's promise.
        changes.unmap(physical, bytes, || unsafe { kernel.unmap(physical, bytes) });
    }

    fn domain(&self) -> DmaDomain {
        self.changes.domain(&self.kernel)
    }
}

impl<C: Changes<K>, K: Whole> ReportFrames for Changed<C, K> {
    const CONTENTS: FreeContents = C::CONTENTS;

    fn allocate_unreported(&mut self, frames: u32) -> Option<RunOf<K>> {
        self.changes.allocate_unreported(&mut self.kernel, frames)
    }

    fn deallocate_reported(&mut self, run: RunOf<K>) {
        self.kernel.deallocate_reported(run);
    }
}

impl<C: Changes<K>, K: Whole> BlockFrames for Changed<C, K> {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<RunOf<K>> {
        self.changes.allocate_blocks(&mut self.kernel, frames, max)
    }
}

impl<C: Changes<K>, K: Whole> HintFrames for Changed<C, K> {
    fn allocate_block(&mut self, frames: u32) -> Option<RunOf<K>> {
        self.changes.allocate_block(&mut self.kernel, frames)
    }

    fn initialize(&mut self, run: &RunOf<K>) {
        self.kernel.initialize(run);
    }
}

impl<C: Changes<K>, K: Whole> FillFrames for Changed<C, K> {
    fn fill(&mut self, run: &RunOf<K>, value: u32) {
        self.changes.fill(&mut self.kernel, run, value);
    }
}

impl<C: Changes<K>, K: Whole> Statistics for Changed<C, K> {
    fn sample(&mut self, sample: &mut Sample) {
        self.changes.sample(&mut self.kernel, sample);
    }
}

/// A kernel that can spare no frame. It has the DMA memory of `D`, and leaks its private memory.
#[derive(Debug)]
pub(crate) struct NoFrames<D>(pub(crate) D);

impl<D> Frames for NoFrames<D> {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..0x1000
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, _max: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate(&mut self, _run: FrameRun<Size4KiB>) {}

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        Some(vec![0; words].leak())
    }

    unsafe fn deallocate_private(&mut self, _memory: PrivateMemory) {}
}

impl<D> ReportFrames for NoFrames<D> {
    fn allocate_unreported(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate_reported(&mut self, _run: FrameRun<Size4KiB>) {}
}

impl<D> BlockFrames for NoFrames<D> {
    fn allocate_blocks(&mut self, _frames: u32, _max: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }
}

impl<D> HintFrames for NoFrames<D> {
    fn allocate_block(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn initialize(&mut self, _run: &FrameRun<Size4KiB>) {}
}

impl<D> FillFrames for NoFrames<D> {
    fn fill(&mut self, _run: &FrameRun<Size4KiB>, _value: u32) {}
}

impl<D> Statistics for NoFrames<D> {
    fn sample(&mut self, _sample: &mut Sample) {}
}

// SAFETY: the memory is that of `D`, which fulfils the contract.
unsafe impl<D: Dma> Dma for NoFrames<D> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.0.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.0.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.0.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        // SAFETY: by the caller's promise.
        unsafe { self.0.unmap(physical, bytes) };
    }

    fn domain(&self) -> DmaDomain {
        self.0.domain()
    }
}

/// No DMA memory.
#[derive(Debug)]
pub(crate) struct NoDma;

// SAFETY: it allocates no region.
unsafe impl Dma for NoDma {
    fn alloc(&mut self, _layout: Layout) -> Option<DmaRegion> {
        None
    }

    fn free(&mut self, _region: DmaRegion) {}
}
