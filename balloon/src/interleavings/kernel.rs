//! A kernel whose contexts share nothing but the contents of its blocks.

use core::ops::Range;
use std::alloc::Layout;
use std::boxed::Box;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;
use std::vec::Vec;

use aerostat_device::{BalloonDevice, TestPlatform};
use aerostat_interleavings::Data;
use aerostat_transport::{DeviceAddress, Dma, DmaDomain, DmaRegion};

use crate::platform::{BlockFrames, Frames, HintFrames, ManagedChange, PrivateMemory, ReportFrames};
use crate::units::{FrameRun, Size4KiB};

/// Frames in a block.
pub(super) const FRAMES: u32 = 512;

/// The blocks of all contexts. Its locks are not visible to loom: they order nothing in a model.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Number of the first block.
    first: u64,
    /// The contents of the blocks. The owner of a block uses them, so loom reports two contexts that have it without an order.
    contents: Vec<Data>,
    /// The blocks that the driver has.
    with_driver: Mutex<BTreeSet<u64>>,
    /// Frames that the driver counts as removed.
    managed: Mutex<i64>,
}

impl Ledger {
    /// Creates a ledger of a few blocks. The driver has none.
    pub(super) fn new(blocks: usize) -> Arc<Self> {
        let contents = (0..blocks).map(|_| Data::new()).collect();
        Arc::new(Self { first: 1, contents, with_driver: Mutex::default(), managed: Mutex::default() })
    }

    fn blocks(&self) -> Range<u64> {
        self.first..self.first + self.contents.len() as u64
    }

    pub(super) fn frames(&self) -> Range<u64> {
        let frames = u64::from(FRAMES);
        self.blocks().start * frames..self.blocks().end * frames
    }

    /// Uses the contents of a block, as its owner.
    fn touch(&self, frame: u64) {
        let block =
            (frame / u64::from(FRAMES)).checked_sub(self.first).and_then(|block| self.contents.get(block as usize));
        if let Some(contents) = block {
            contents.touch();
        }
    }

    pub(super) fn with_driver(&self) -> usize {
        self.with_driver.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns the frames that the driver counts as taken from the kernel.
    pub(super) fn managed(&self) -> i64 {
        *self.managed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kernel, for one context.
#[derive(Debug)]
pub(super) struct Kernel {
    ledger: Arc<Ledger>,
    /// Free blocks of this context.
    free: Vec<u64>,
    memory: TestPlatform,
}

impl Kernel {
    /// Creates the kernel of a context that has free blocks, numbered from 0.
    pub(super) fn new(ledger: &Arc<Ledger>, device: &BalloonDevice, free: Range<u64>) -> Self {
        let memory = <TestPlatform>::of(device).unwrap();
        Self { ledger: ledger.clone(), free: free.map(|block| ledger.first + block).rev().collect(), memory }
    }

    /// Creates the kernel of another context.
    pub(super) fn share(&self, free: Range<u64>) -> Self {
        let free = free.map(|block| self.ledger.first + block).rev().collect();
        Self { ledger: self.ledger.clone(), free, memory: self.memory.share() }
    }

    fn take(&mut self) -> Option<FrameRun<Size4KiB>> {
        let block = self.free.pop()?;
        let frame = block * u64::from(FRAMES);
        assert!(self.ledger.with_driver.lock().unwrap().insert(block), "allocated twice");
        self.ledger.touch(frame);
        // SAFETY: nothing uses the memory.
        Some(unsafe { FrameRun::from_raw(frame, FRAMES) })
    }

    /// Takes a block back. A context does not get the blocks that it returns again.
    fn put(&mut self, run: &FrameRun<Size4KiB>) {
        assert_eq!(run.count() % FRAMES, 0, "parts of blocks are not returned here");
        for block in 0..u64::from(run.count() / FRAMES) {
            let frame = run.first() + block * u64::from(FRAMES);
            self.ledger.touch(frame);
            let block = frame / u64::from(FRAMES);
            assert!(self.ledger.with_driver.lock().unwrap().remove(&block), "block {block} was returned twice");
        }
    }
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        self.ledger.frames()
    }

    fn free_frames(&self) -> u64 {
        self.free.len() as u64 * u64::from(FRAMES)
    }

    /// Only whole blocks are given away.
    fn allocate(&mut self, _max: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        self.put(&run);
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        *self.ledger.managed.lock().unwrap() += match change {
            ManagedChange::Removed(frames) => i64::from(frames),
            ManagedChange::Added(frames) => -i64::from(frames),
        };
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        Some(Box::leak(vec![0; words].into_boxed_slice()))
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: `allocate_private` leaked it, and nothing uses it.
        drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
    }
}

// SAFETY: the memory is that of a platform that fulfils the contract.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.memory.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.memory.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.ledger.touch(physical >> 12);
        self.memory.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        self.ledger.touch(physical >> 12);
        // SAFETY: by the caller's promise.
        unsafe { self.memory.unmap(physical, bytes) };
    }

    fn domain(&self) -> DmaDomain {
        self.memory.domain()
    }
}

impl ReportFrames for Kernel {
    fn allocate_unreported(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.take()
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        self.put(&run);
    }
}

impl BlockFrames for Kernel {
    fn allocate_blocks(&mut self, _frames: u32, _max: u32) -> Option<FrameRun<Size4KiB>> {
        self.take()
    }
}

impl HintFrames for Kernel {
    fn allocate_block(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.take()
    }

    fn initialize(&mut self, run: &FrameRun<Size4KiB>) {
        self.ledger.touch(run.first());
    }
}
