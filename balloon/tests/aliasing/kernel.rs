//! A kernel whose frames are only numbers.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeSet;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames, Sample, StatTag, Statistics};
use aerostat_balloon::transport::{Dma, DmaRegion};
use aerostat_balloon::{FrameRun, Frames, PrivateMemory, Size4KiB};

use crate::memory::{DMA, Memory, lock};

/// What a kernel has allocated to the driver.
#[derive(Debug, Default)]
struct Allocated {
    frames: BTreeSet<u64>,
    /// Addresses of regions in [`DMA`].
    dma: Vec<u64>,
    private: Vec<Memory<[u64]>>,
}

/// A kernel whose frames are only numbers. Clones are the same kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kernel(Arc<Mutex<Allocated>>);

const RANGE: Range<u64> = 0..1024;

impl Kernel {
    fn take(&self, count: u32, align: u64) -> Option<FrameRun<Size4KiB>> {
        let allocated = &mut lock(&self.0).frames;
        let mut starts = (0..RANGE.end).step_by(align as usize);
        let first = starts.find(|first| allocated.range(*first..*first + u64::from(count)).next().is_none())?;
        allocated.extend(first..first + u64::from(count));
        // SAFETY: the frames are only numbers, which no memory belongs to.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let Allocated { frames, dma, private } = &*lock(&self.0);
        (frames.len(), dma.len(), private.len())
    }

    /// Frees what the driver has leaked. Nothing uses it any more.
    pub(crate) fn free_leaked(&self) {
        let Allocated { dma, private, .. } = &mut *lock(&self.0);
        for address in dma.drain(..) {
            let (Memory(start), layout) = lock(&DMA).remove(&address).expect("a region of this kernel");
            // SAFETY: it was allocated with this layout, and balloon and handles were dropped.
            unsafe { dealloc(start.as_ptr(), layout) };
        }
        for Memory(memory) in private.drain(..) {
            // SAFETY: it was leaked as a box of this length, and balloon and handles were dropped.
            drop(unsafe { Box::from_raw(memory.as_ptr()) });
        }
    }
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        RANGE
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(max.min(8), 8)
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        for frame in run.first()..run.first() + u64::from(run.count()) {
            assert!(lock(&self.0).frames.remove(&frame), "frame {frame} was returned twice");
        }
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let mut memory = NonNull::new(Box::into_raw(vec![u64::MAX; words].into_boxed_slice()))?;
        lock(&self.0).private.push(Memory(memory));
        // SAFETY: the memory was just allocated, and the kernel does not use it before it is returned or leaked.
        Some(unsafe { memory.as_mut() })
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        let memory = memory.into_raw();
        lock(&self.0).private.retain(|Memory(kept)| kept.addr() != memory.addr());
        // SAFETY: `allocate_private` leaked it as a box, and the driver no longer uses it.
        drop(unsafe { Box::from_raw(memory.as_ptr()) });
    }
}

impl Statistics for Kernel {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 1);
    }
}

impl ReportFrames for Kernel {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(frames, frames.into())
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        self.deallocate(run);
    }
}

impl BlockFrames for Kernel {
    fn allocate_blocks(&mut self, frames: u32, _max: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(frames, frames.into())
    }
}

impl HintFrames for Kernel {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(frames, frames.into())
    }

    fn initialize(&mut self, _run: &FrameRun<Size4KiB>) {}
}

impl FillFrames for Kernel {
    fn fill(&mut self, _run: &FrameRun<Size4KiB>, _value: u32) {}
}

// SAFETY: a region is memory of its own until it is freed, and the device sees it at its address.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        // SAFETY: the driver does not allocate regions without bytes.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let address = start.addr().get() as u64;
        lock(&DMA).insert(address, (Memory(start), layout));
        lock(&self.0).dma.push(address);
        // SAFETY: the memory was just allocated.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let address = region.device_address().0;
        let dma = &mut lock(&self.0).dma;
        let index = dma.iter().position(|start| *start == address).expect("a region of this kernel");
        dma.swap_remove(index);
        let (Memory(start), layout) = lock(&DMA).remove(&address).expect("a region of a kernel");
        // SAFETY: it was allocated with this layout, and the driver no longer uses it.
        unsafe { dealloc(start.as_ptr(), layout) };
    }
}
