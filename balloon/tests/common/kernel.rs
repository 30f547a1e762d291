//! A kernel around the test platform: with memory that the balloon does not know, and with calls that panic.

use std::alloc::Layout;
use std::cell::Cell;
use std::ops::Range;
use std::panic::resume_unwind;
use std::rc::Rc;

use aerostat_balloon::platform::{
    BlockFrames, FillFrames, HintFrames, ManagedChange, ReportFrames, Sample, Statistics,
};
use aerostat_balloon::transport::{DeviceAddress, Dma, DmaDomain, DmaRegion};
use aerostat_balloon::{FrameRun, Frames, PrivateMemory, Size4KiB};
use aerostat_device::TestPlatform;

/// Calls until one panics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Countdown(Rc<Cell<Option<u32>>>);

impl Countdown {
    /// Makes the call after the next `calls` panic, or none.
    pub(crate) fn set(&self, calls: Option<u32>) {
        self.0.set(calls);
    }

    /// Returns whether the call has not panicked.
    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn count(&self) {
        match self.0.get() {
            None => {}
            Some(0) => {
                self.0.set(None);
                // Without a message.
                resume_unwind(Box::new("the test makes this call panic"));
            }
            Some(calls) => self.0.set(Some(calls - 1)),
        }
    }
}

/// The kernel. A call that takes memory back does so before it panics, and other calls do nothing when they panic.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) memory: TestPlatform,
    /// The range that the balloon reads.
    pub(crate) range: Range<u64>,
    /// The end of the range, if it is not 0.
    pub(crate) grown_to: Rc<Cell<u64>>,
    /// Whether the allocator searches only the frames that the balloon can take.
    pub(crate) heeds_usable: bool,
    pub(crate) usable: Range<u64>,
    /// Whether blocks are one frame too short.
    pub(crate) cuts_blocks: bool,
    /// Runs that a search has found and that the balloon cannot take. They are free to the balloon.
    others: Vec<FrameRun<Size4KiB>>,
    pub(crate) countdown: Countdown,
}

impl Kernel {
    pub(crate) fn new(memory: TestPlatform) -> Self {
        let range = memory.range();
        Self {
            memory,
            range,
            grown_to: Rc::default(),
            heeds_usable: false,
            usable: 0..0,
            cuts_blocks: false,
            others: Vec::new(),
            countdown: Countdown::default(),
        }
    }

    /// Returns another way to the same kernel, for handles.
    pub(crate) fn share(&self) -> Self {
        Self {
            memory: self.memory.share(),
            range: self.range.clone(),
            grown_to: Rc::clone(&self.grown_to),
            usable: self.usable.clone(),
            others: Vec::new(),
            countdown: self.countdown.clone(),
            ..*self
        }
    }

    /// Allocates by `allocate`, and puts what the balloon cannot take aside.
    fn search(
        &mut self,
        allocate: impl Fn(&mut TestPlatform) -> Option<FrameRun<Size4KiB>>,
    ) -> Option<FrameRun<Size4KiB>> {
        self.countdown.count();
        loop {
            match allocate(&mut self.memory) {
                Some(run) if self.heeds_usable && !self.usable.contains(&run.first()) => self.others.push(run),
                found => return found,
            }
        }
    }

    fn put_back(&mut self) {
        std::mem::take(&mut self.others).into_iter().for_each(|run| self.memory.deallocate(run));
    }

    fn block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        let block = self.search(|memory| memory.allocate_block(frames))?;
        if !self.cuts_blocks {
            return Some(block);
        }
        let (block, rest) = block.split(frames - 1);
        self.others.extend(rest);
        Some(block)
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.put_back();
    }
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        self.range.start..self.range.end.max(self.grown_to.get())
    }

    fn set_usable(&mut self, frames: Range<u64>) {
        self.usable = frames;
        self.put_back();
    }

    fn free_frames(&self) -> u64 {
        self.countdown.count();
        self.memory.free_frames()
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<Size4KiB>> {
        self.search(|memory| memory.allocate(max))
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        self.memory.deallocate(run);
        self.countdown.count();
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        self.memory.adjust_managed(change);
        self.countdown.count();
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.memory.allocate_private(words)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: it allocated the memory.
        unsafe { self.memory.deallocate_private(memory) };
    }
}

// SAFETY: the memory is that of a platform that fulfils the contract.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.memory.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.memory.free(region);
        self.countdown.count();
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.countdown.count();
        self.memory.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        // SAFETY: by the caller's promise.
        unsafe { self.memory.unmap(physical, bytes) };
        self.countdown.count();
    }

    fn domain(&self) -> DmaDomain {
        self.memory.domain()
    }
}

impl ReportFrames for Kernel {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.block(frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        ReportFrames::deallocate_reported(&mut self.memory, run);
        self.countdown.count();
    }
}

impl BlockFrames for Kernel {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<Size4KiB>> {
        self.search(|memory| memory.allocate_blocks(frames, max))
    }
}

impl HintFrames for Kernel {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.block(frames)
    }

    fn initialize(&mut self, run: &FrameRun<Size4KiB>) {
        self.countdown.count();
        self.memory.initialize(run);
    }
}

impl FillFrames for Kernel {
    fn fill(&mut self, run: &FrameRun<Size4KiB>, value: u32) {
        self.countdown.count();
        FillFrames::fill(&mut self.memory, run, value);
    }
}

impl Statistics for Kernel {
    fn sample(&mut self, sample: &mut Sample) {
        self.countdown.count();
        self.memory.sample(sample);
    }
}
