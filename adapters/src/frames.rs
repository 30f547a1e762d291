//! `Frames` of the balloon over a kernel's allocator of page frames.

use core::ops::Range;

use aerostat_balloon::{FrameRun, FrameSize, Frames, PrivateMemory};

use crate::private::PrivateAllocator;

/// An allocator of page frames, or a handle to one.
///
/// # Safety
///
/// * The frames that [`FrameAllocator::allocate`] and [`FrameAllocator::allocate_up_to`] return are ordinary memory without another
///   owner, until [`FrameAllocator::deallocate`] is called with them.
/// * Each [`FrameRun`] that the kernel passes to the balloon ([`inflate_with`](aerostat_balloon::Balloon::inflate_with),
///   [`migrate`](aerostat_balloon::Balloon::migrate)) or to [`Frames::deallocate`] of a [`KernelFrames`] over this allocator has
///   frames of this allocator: neither frames from elsewhere, nor runs that a [`KernelFrames`] over another allocator returned.
pub unsafe trait FrameAllocator {
    /// The size of the kernel's frames.
    type Size: FrameSize;

    /// Takes exactly `count` consecutive frames out of the allocator, at least one. Returns the number of the first frame (physical
    /// address divided by the frame size), or `None` if there are no such frames.
    fn allocate(&mut self, count: u32) -> Option<u64>;

    /// Takes one to `max` consecutive frames out of the allocator, preferably many. Returns the number of the first frame and the
    /// number of frames.
    ///
    /// The default tries `max`, and then half as many each time.
    fn allocate_up_to(&mut self, max: u32) -> Option<(u64, u32)> {
        let mut count = max;
        while count != 0 {
            if let Some(first) = self.allocate(count) {
                return Some((first, count));
            }
            count /= 2;
        }
        None
    }

    /// Returns frames to the allocator. They may be a part of what one call returned, or parts of what several calls returned.
    ///
    /// # Safety
    ///
    /// All of them were allocated by this allocator and not yet returned, and nothing uses them any more.
    unsafe fn deallocate(&mut self, first: u64, count: u32);

    /// Returns the number of free frames, for the [reserve](aerostat_balloon::Options::reserve). The default is `u64::MAX`: the
    /// allocator cannot count, and a reserve has no effect.
    fn free_frames(&self) -> u64 {
        u64::MAX
    }
}

/// [`Frames`] over a [`FrameAllocator`] `A`, with private memory from `P`.
#[derive(Debug)]
pub struct KernelFrames<A, P> {
    allocator: A,
    range: Range<u64>,
    private: P,
    /// Number of frames in the balloon.
    taken: u64,
    limit: u64,
    /// The length of the next run to try, so that a fragmented allocator is not asked for long runs each time.
    attempt: u32,
}

/// The length of the longest run that the balloon asks for.
const MAX_RUN: u32 = 256;

impl<A: FrameAllocator, P: PrivateAllocator> KernelFrames<A, P> {
    /// Returns the frames of an allocator. `range` has the numbers of all its frames, usually from 0 to the end of memory. For
    /// memory that may be added later, it goes to the end of that memory.
    pub const fn new(allocator: A, range: Range<u64>, private: P) -> Self {
        Self { allocator, range, private, taken: 0, limit: u64::MAX, attempt: MAX_RUN }
    }

    /// Sets the largest number of frames that the balloon may have, for an allocator that cannot count its free frames.
    #[must_use]
    pub fn limit(self, frames: u64) -> Self {
        Self { limit: frames, ..self }
    }

    /// Returns the number of frames that the balloon has.
    pub const fn taken(&self) -> u64 {
        self.taken
    }
}

impl<A: FrameAllocator, P: PrivateAllocator> Frames for KernelFrames<A, P> {
    type Size = A::Size;

    fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn free_frames(&self) -> u64 {
        self.allocator.free_frames().min(self.limit.saturating_sub(self.taken))
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<A::Size>> {
        let left = u32::try_from(self.limit.saturating_sub(self.taken)).unwrap_or(u32::MAX);
        let (first, count) = self.allocator.allocate_up_to(max.min(left).min(self.attempt))?;
        self.attempt = count.saturating_mul(2).clamp(1, MAX_RUN);
        self.taken = self.taken.saturating_add(count.into());
        // SAFETY: the allocator promises that the frames have no other owner.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    fn deallocate(&mut self, run: FrameRun<A::Size>) {
        self.taken = self.taken.saturating_sub(run.count().into());
        // SAFETY: the run owns the frames. They are from this allocator: either `allocate` took them, or the kernel has passed them,
        // and the implementation promises that these are from this allocator too.
        unsafe { self.allocator.deallocate(run.first(), run.count()) }
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.private.allocate(words)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: by the caller's promise.
        unsafe { self.private.deallocate(memory) }
    }
}
