//! The kernel's side, which costs as little as it can: frames are numbers that nobody touches.

use std::alloc::{Layout, alloc, dealloc};
use std::ops::Range;
use std::ptr::NonNull;

use aerostat_balloon::{
    FillFrames, FrameRun, FrameSize, Frames, HintFrames, PrivateMemory, ReportFrames, Sample, Size4KiB, StatTag,
    Statistics,
};
use aerostat_transport::{Dma, DmaRegion};

/// How the kernel's free frames lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// Next to each other.
    Runs,
    /// One by one, anywhere.
    Scattered,
}

impl std::fmt::Display for Lie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Runs => "runs",
            Self::Scattered => "scattered",
        })
    }
}

/// A kernel with `2^n` frames.
#[derive(Debug)]
pub struct Kernel<S = Size4KiB> {
    lie: Lie,
    frames: u32,
    next: u32,
    /// Blocks that came back from being reported.
    reported: u64,
    /// Bytes of memory that the device can reach.
    shared: usize,
    /// Bytes of private memory.
    private: usize,
    size: std::marker::PhantomData<S>,
}

impl<S> Kernel<S> {
    /// A kernel with at least `frames` frames, half of which may be out at a time.
    pub fn new(frames: u32, lie: Lie) -> Self {
        Self {
            lie,
            frames: frames.next_power_of_two(),
            next: 0,
            reported: 0,
            shared: 0,
            private: 0,
            size: std::marker::PhantomData,
        }
    }
}

impl<S> Kernel<S> {
    /// Blocks of free memory that were reported so far.
    pub fn reported_blocks(&self) -> u64 {
        self.reported
    }

    /// Bytes that were lent for rings, arrays and the like, which the device can reach.
    pub fn shared_bytes(&self) -> usize {
        self.shared
    }

    /// Bytes that were lent for books of frames.
    pub fn private_bytes(&self) -> usize {
        self.private
    }
}

impl<S: FrameSize> Frames for Kernel<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        0..self.frames.into()
    }

    #[inline]
    fn allocate(&mut self, most: u32) -> Option<FrameRun<S>> {
        let mask = self.frames - 1;
        let (first, count) = match self.lie {
            Lie::Runs => {
                if self.next + most > self.frames {
                    self.next = 0;
                }
                (self.next, most)
            }
            // An odd factor makes a permutation of all frames.
            Lie::Scattered => (self.next.wrapping_mul(0x9e37_79b1) & mask, 1),
        };
        self.next = (self.next + count) & mask;
        // SAFETY: nobody reads or writes these frames, which are only numbers here, and each is given again only after all
        // others.
        Some(unsafe { FrameRun::from_raw(first.into(), count) })
    }

    #[inline]
    fn deallocate(&mut self, _run: FrameRun<S>) {}

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.private += words * size_of::<u64>();
        Some(Box::leak(vec![0; words].into_boxed_slice()))
    }

    fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: leaked as a box by `allocate_private`.
        drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
    }
}

// SAFETY: each call gives out memory of its own on the heap, which the device, in the same process, sees at the same place.
unsafe impl<S> Dma for Kernel<S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        // SAFETY: no region of a queue is empty.
        let start = NonNull::new(unsafe { alloc(layout) })?;
        self.shared += layout.size();
        let address = start.as_ptr() as u64;
        // SAFETY: it was allocated with this layout just now.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        // SAFETY: it was allocated by `alloc` above with this layout.
        unsafe { dealloc(region.as_ptr().as_ptr(), region.layout()) };
    }
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

    fn deallocate_reported(&mut self, _run: FrameRun<S>) {
        self.reported += 1;
    }
}

impl<S: FrameSize> HintFrames for Kernel<S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.allocate_unreported(frames)
    }
}

// Frames are only numbers here.
impl<S: FrameSize> FillFrames for Kernel<S> {
    fn fill(&mut self, _run: &FrameRun<S>, _value: u32) {}
}
