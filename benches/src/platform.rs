//! The kernel's side with minimal cost: frames are only numbers.

use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;
use std::ops::Range;
use std::ptr::NonNull;

use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames, Sample, StatTag, Statistics};
use aerostat_balloon::{FrameRun, FrameSize, Frames, PrivateMemory, Size4KiB};
use aerostat_transport::{Dma, DmaRegion};

/// The order in which the kernel allocates frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameOrder {
    /// Contiguous runs.
    Runs,
    /// Single frames in a pseudo-random order.
    Scattered,
}

impl std::fmt::Display for FrameOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Runs => "runs",
            Self::Scattered => "scattered",
        })
    }
}

/// A kernel. The number of its frames is a power of two.
#[derive(Debug)]
pub struct Kernel<S = Size4KiB> {
    order: FrameOrder,
    frames: u32,
    next: u32,
    /// Whether the kernel has whole free blocks for the balloon.
    pub has_blocks: bool,
    /// First frames of blocks that the balloon returned.
    blocks: Vec<u32>,
    /// Number of reported blocks.
    reported: u64,
    /// Bytes of DMA memory.
    shared: usize,
    /// Bytes of private memory.
    private: usize,
    size: std::marker::PhantomData<S>,
}

impl<S> Kernel<S> {
    /// Creates a kernel with at least `frames` frames. The balloon can hold half of them.
    pub fn new(frames: u32, order: FrameOrder) -> Self {
        Self {
            order,
            frames: frames.next_power_of_two(),
            next: 0,
            has_blocks: false,
            blocks: Vec::new(),
            reported: 0,
            shared: 0,
            private: 0,
            size: std::marker::PhantomData,
        }
    }
}

impl<S> Kernel<S> {
    /// Returns the number of reported blocks.
    pub fn reported_blocks(&self) -> u64 {
        self.reported
    }

    /// Returns the bytes of DMA memory for rings and buffers that were allocated in total.
    pub fn shared_bytes(&self) -> usize {
        self.shared
    }

    /// Returns the bytes of private memory for bitmaps that were allocated in total.
    pub fn private_bytes(&self) -> usize {
        self.private
    }
}

impl<S: FrameSize> Frames for Kernel<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        0..self.frames.into()
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    #[inline]
    fn allocate(&mut self, max: u32) -> Option<FrameRun<S>> {
        let mask = self.frames - 1;
        let (first, count) = match self.order {
            FrameOrder::Runs => {
                if self.next + max > self.frames {
                    self.next = 0;
                }
                (self.next, max)
            }
            // Multiplication by an odd factor is a permutation of all frames.
            FrameOrder::Scattered => (self.next.wrapping_mul(0x9e37_79b1) & mask, 1),
        };
        self.next = (self.next + count) & mask;
        // SAFETY: the frames are only numbers, without memory, and each is allocated again only after all others.
        Some(unsafe { FrameRun::from_raw(first.into(), count) })
    }

    #[inline]
    fn deallocate(&mut self, run: FrameRun<S>) {
        // A kernel uses the run, so the driver has to find it.
        let _ = black_box(run);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.private += words * size_of::<u64>();
        Some(allocate_private(words))
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: `allocate_private` allocated it.
        unsafe { deallocate_private(memory) };
    }
}

// SAFETY: each region is a separate heap allocation. The device is in the same process, so addresses are equal.
unsafe impl<S> Dma for Kernel<S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.shared += layout.size();
        allocate_shared(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        deallocate_shared(region);
    }
}

/// Allocates private memory from the heap.
pub(crate) fn allocate_private(words: usize) -> &'static mut [u64] {
    Box::leak(vec![0; words].into_boxed_slice())
}

/// Frees private memory.
///
/// # Safety
///
/// [`allocate_private`] allocated it.
pub(crate) unsafe fn deallocate_private(memory: PrivateMemory) {
    // SAFETY: by the contract, this box was leaked.
    drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
}

/// Allocates memory that driver and device share. The device is in the same process, so addresses are equal.
pub(crate) fn allocate_shared(layout: Layout) -> Option<DmaRegion> {
    // SAFETY: the size of a region is not 0.
    let start = NonNull::new(unsafe { alloc(layout) })?;
    let address = start.as_ptr() as u64;
    // SAFETY: allocated with this layout above.
    Some(unsafe { DmaRegion::new(start, address, layout) })
}

/// Frees memory of [`allocate_shared`].
pub(crate) fn deallocate_shared(region: DmaRegion) {
    // SAFETY: only `allocate_shared` makes regions in this crate, with this layout.
    unsafe { dealloc(region.as_ptr().as_ptr(), region.layout()) };
}

impl<S: FrameSize> Statistics for Kernel<S> {
    fn sample(&mut self, sample: &mut Sample) {
        for (tag, value) in StatTag::ALL.iter().zip(1..) {
            sample.set(*tag, value);
        }
    }
}

impl<S: FrameSize> ReportFrames for Kernel<S> {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<S>> {
        if self.next + frames > self.frames {
            self.next = 0;
        }
        let first = self.next;
        self.next += frames;
        // SAFETY: as in `allocate`.
        Some(unsafe { FrameRun::from_raw(first.into(), frames) })
    }

    fn deallocate_reported(&mut self, run: FrameRun<S>) {
        self.reported += 1;
        if self.has_blocks {
            self.blocks.push(run.first() as u32);
        }
    }
}

impl<S: FrameSize> BlockFrames for Kernel<S> {
    #[inline]
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<S>> {
        if !self.has_blocks {
            return None;
        }
        if let Some(first) = self.blocks.pop() {
            // SAFETY: the frames are only numbers, and the block was returned.
            return Some(unsafe { FrameRun::from_raw(first.into(), frames) });
        }
        let first = self.next.next_multiple_of(frames) & (self.frames - 1);
        let count = max.min(self.frames - first);
        self.next = (first + count) & (self.frames - 1);
        // SAFETY: as in `allocate`.
        Some(unsafe { FrameRun::from_raw(first.into(), count) })
    }
}

impl<S: FrameSize> HintFrames for Kernel<S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.allocate_unreported(frames)
    }

    fn initialize(&mut self, _run: &FrameRun<S>) {}
}

// Frames are only numbers: there is no memory to fill.
impl<S: FrameSize> FillFrames for Kernel<S> {
    fn fill(&mut self, _run: &FrameRun<S>, _value: u32) {}
}
