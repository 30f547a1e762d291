//! Two functions that allocate and free a range of physical memory.

use core::marker::PhantomData;

use aerostat_balloon::{FrameSize, Size4KiB};

use crate::frames::FrameAllocator;

/// Functions, or closures, that allocate, free and count page frames of the size `S`.
///
/// With functions and closures that capture nothing, the type is `FrameFunctions`, without parameters.
#[derive(Debug)]
pub struct FrameFunctions<A = fn(u32) -> Option<u64>, D = fn(u64, u32), C = fn() -> u64, S = Size4KiB> {
    allocate: A,
    deallocate: D,
    free: C,
    size: PhantomData<S>,
}

impl<A, D, C, S> FrameFunctions<A, D, C, S>
where
    A: FnMut(u32) -> Option<u64>,
    D: FnMut(u64, u32),
    C: Fn() -> u64,
    S: FrameSize,
{
    /// Returns an allocator of these functions:
    ///
    /// * `allocate(count)` takes `count` consecutive frames and returns the number of the first one, or `None`;
    /// * `deallocate(first, count)` frees frames. It accepts any part of what `allocate` returned, and parts of several runs together;
    /// * `free()` returns the number of free frames. A kernel that cannot count them returns `u64::MAX`.
    ///
    /// # Safety
    ///
    /// The functions keep the promises of [`FrameAllocator`].
    pub const unsafe fn new(allocate: A, deallocate: D, free: C) -> Self {
        Self { allocate, deallocate, free, size: PhantomData }
    }
}

// SAFETY: by the promise of the caller of `new`.
unsafe impl<A, D, C, S> FrameAllocator for FrameFunctions<A, D, C, S>
where
    A: FnMut(u32) -> Option<u64>,
    D: FnMut(u64, u32),
    C: Fn() -> u64,
    S: FrameSize,
{
    type Size = S;

    fn allocate(&mut self, count: u32) -> Option<u64> {
        (self.allocate)(count)
    }

    unsafe fn deallocate(&mut self, first: u64, count: u32) {
        (self.deallocate)(first, count);
    }

    fn free_frames(&self) -> u64 {
        (self.free)()
    }
}
