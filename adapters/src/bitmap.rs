//! The crate `bitmap-allocator`.

use core::fmt;
use core::marker::PhantomData;

use aerostat_balloon::{FrameSize, Size4KiB};
use bitmap_allocator::BitAlloc;

use crate::frames::FrameAllocator;
use crate::lock::with;

/// A [`FrameAllocator`] over a `bitmap_allocator::BitAlloc` `B`, in which each bit is a frame.
pub struct BitmapFrames<B, L = fn(&mut dyn FnMut(&mut B)), S = Size4KiB> {
    lock: L,
    base: u64,
    bits: PhantomData<fn(B, S)>,
}

impl<B: BitAlloc, L: Fn(&mut dyn FnMut(&mut B)), S: FrameSize> BitmapFrames<B, L, S> {
    /// Returns an allocator over a bitmap. `lock` calls its argument with the bitmap, once:
    /// `|f| f(&mut FRAMES.lock())`. `base` is the number of the frame of bit 0.
    ///
    /// The bitmap cannot count its free bits, so set a [limit](crate::KernelFrames::limit).
    ///
    /// # Safety
    ///
    /// * The frames of the free bits are ordinary memory without another owner. Their numbers are below `u64::MAX`.
    /// * The kernel keeps the second promise of [`FrameAllocator`].
    /// * `lock` always passes the same bitmap.
    pub const unsafe fn new(lock: L, base: u64) -> Self {
        Self { lock, base, bits: PhantomData }
    }
}

// SAFETY: by the promise of the caller of `new`. An allocated bit is free again only after `deallocate`.
unsafe impl<B: BitAlloc, L: Fn(&mut dyn FnMut(&mut B)), S: FrameSize> FrameAllocator for BitmapFrames<B, L, S> {
    type Size = S;

    fn allocate(&mut self, count: u32) -> Option<u64> {
        let bit = with(&self.lock, |bits: &mut B| match count {
            1 => bits.alloc(),
            _ => bits.alloc_contiguous(None, usize::try_from(count).ok()?, 0),
        })?;
        self.base.checked_add(bit? as u64)
    }

    /// Takes the first free frame and the free ones behind it. A search for a longer run would read the whole bitmap.
    fn allocate_up_to(&mut self, max: u32) -> Option<(u64, u32)> {
        let (bit, count) = with(&self.lock, |bits: &mut B| {
            let first = (max != 0).then(|| bits.alloc()).flatten()?;
            let mut count = 1;
            while count < max {
                let next = first + count as usize;
                if next >= B::CAP || !bits.test(next) {
                    break;
                }
                bits.remove(next..next + 1);
                count += 1;
            }
            Some((first, count))
        })??;
        Some((self.base.checked_add(bit as u64)?, count))
    }

    unsafe fn deallocate(&mut self, first: u64, count: u32) {
        let Some(bit) = first.checked_sub(self.base).and_then(|bit| usize::try_from(bit).ok()) else { return };
        let bits = bit..bit.saturating_add(count as usize).min(B::CAP);
        with(&self.lock, |bitmap: &mut B| bitmap.insert(bits));
    }
}

impl<B, L, S> fmt::Debug for BitmapFrames<B, L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BitmapFrames").field("base", &self.base).finish_non_exhaustive()
    }
}
