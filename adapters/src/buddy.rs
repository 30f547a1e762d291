//! The crate `buddy_system_allocator`.

use core::fmt;
use core::marker::PhantomData;

use aerostat_balloon::{FrameSize, Size4KiB};
use buddy_system_allocator::FrameAllocator as Buddy;

use crate::frames::FrameAllocator;
use crate::lock::with;

/// A [`FrameAllocator`] over a `buddy_system_allocator::FrameAllocator`, whose numbers are those of frames.
///
/// The crate allocates and frees powers of two. Frames come back in other runs, so they are freed as aligned blocks, which the
/// allocator merges again.
pub struct BuddyFrames<
    const ORDER: usize = 33,
    L = fn(&mut dyn FnMut(&mut Buddy<ORDER>)),
    C = fn() -> u64,
    S = Size4KiB,
> {
    lock: L,
    free: C,
    size: PhantomData<S>,
}

impl<const ORDER: usize, L, C, S> BuddyFrames<ORDER, L, C, S>
where
    L: Fn(&mut dyn FnMut(&mut Buddy<ORDER>)),
    C: Fn() -> u64,
    S: FrameSize,
{
    /// Returns an allocator over a buddy allocator. `lock` calls its argument with the allocator, once:
    /// `|f| f(&mut FRAMES.lock())`. `free` returns the number of free frames, or `u64::MAX` if the kernel does not count them; then
    /// set a [limit](crate::KernelFrames::limit).
    ///
    /// # Safety
    ///
    /// * The free frames are ordinary memory without another owner.
    /// * The kernel keeps the second promise of [`FrameAllocator`].
    /// * `lock` always passes the same allocator.
    pub const unsafe fn new(lock: L, free: C) -> Self {
        Self { lock, free, size: PhantomData }
    }
}

/// Frees frames as aligned blocks of powers of two, none larger than the allocator's largest block.
fn free<const ORDER: usize>(buddy: &mut Buddy<ORDER>, mut first: usize, mut count: usize) {
    let largest = 1_usize << (ORDER.saturating_sub(1)).min(usize::BITS as usize - 2);
    while count != 0 {
        let aligned = if first == 0 { largest } else { 1 << first.trailing_zeros() };
        let block = aligned.min(1 << count.ilog2()).min(largest);
        buddy.dealloc(first, block);
        first += block;
        count -= block;
    }
}

// SAFETY: by the promise of the caller of `new`.
unsafe impl<const ORDER: usize, L, C, S> FrameAllocator for BuddyFrames<ORDER, L, C, S>
where
    L: Fn(&mut dyn FnMut(&mut Buddy<ORDER>)),
    C: Fn() -> u64,
    S: FrameSize,
{
    type Size = S;

    fn allocate(&mut self, count: u32) -> Option<u64> {
        let count = usize::try_from(count).ok().filter(|&count| count != 0)?;
        let block = count.checked_next_power_of_two()?;
        with(&self.lock, |buddy: &mut Buddy<ORDER>| {
            let first = buddy.alloc(block)?;
            free(buddy, first + count, block - count);
            Some(first as u64)
        })?
    }

    unsafe fn deallocate(&mut self, first: u64, count: u32) {
        if let (Ok(first), Ok(count)) = (usize::try_from(first), usize::try_from(count)) {
            with(&self.lock, |buddy: &mut Buddy<ORDER>| free(buddy, first, count));
        }
    }

    fn free_frames(&self) -> u64 {
        (self.free)()
    }
}

impl<const ORDER: usize, L, C, S> fmt::Debug for BuddyFrames<ORDER, L, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuddyFrames").finish_non_exhaustive()
    }
}
