//! The bitmap of blocks: free memory that the device has for a while, because it was reported or hinted.
//!
//! Two contexts share it: the handle that passes blocks to the device, and the balloon itself, which returns all blocks to
//! the kernel after a reset even if the handle was dropped.

use core::ops::Range;
use core::slice;
use core::sync::atomic::Ordering;

use aerostat_transport::{Addressing, DeviceAddress, Dma};

use crate::sync::AtomicU32;
use crate::units::{FrameRun, FrameSize};

/// A set of blocks, one bit for each. Copies share the same bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockBitmap {
    words: &'static [AtomicU32],
    /// Frames in a block, as a power of two.
    shift: u32,
    /// Block number of bit 0.
    base: u64,
    /// Number of blocks in the range.
    count: u32,
}

/// Consecutive blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockRun {
    /// Number of the first block.
    pub(crate) first: u32,
    /// Number of blocks.
    pub(crate) count: u32,
}

impl BlockRun {
    /// Returns the numbers of the blocks.
    pub(crate) fn blocks(self) -> Range<u32> {
        self.first..self.first.saturating_add(self.count)
    }
}

/// Why a run cannot be added as a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockError {
    /// It is not one whole, aligned block.
    Shape,
    /// The block is outside the range.
    OutsideRange,
    /// The block is in the set already.
    AlreadySet,
}

impl BlockBitmap {
    /// A set without room for blocks.
    pub(crate) const NONE: Self = Self { words: &[], shift: 0, base: 0, count: 0 };

    /// Returns the number of 64-bit words that a bitmap needs.
    pub(crate) fn words(range: &Range<u64>, frames: u32) -> Option<usize> {
        usize::try_from(blocks(range, frames.trailing_zeros() % u32::BITS).div_ceil(64)).ok()
    }

    /// Creates an empty bitmap in `words` for blocks of `frames` frames, a power of two. Blocks for which there are too few
    /// words cannot be added.
    pub(crate) fn new(words: &'static mut [u64], range: &Range<u64>, frames: u32) -> Self {
        words.fill(0);
        let start = words.as_mut_ptr().cast::<AtomicU32>();
        // SAFETY:
        // * The words are borrowed exclusively for the rest of the program.
        // * An atomic of 32 bits has the layout of a `u32`; two of them fit into each word, with no stricter alignment.
        let words = unsafe { slice::from_raw_parts(start, words.len() * 2) };
        let shift = frames.trailing_zeros() % u32::BITS;
        // Blocks above are rejected: the smallest blocks of 4 KiB then cover 16 TiB.
        let count = u32::try_from(blocks(range, shift)).unwrap_or(u32::MAX);
        Self { words, shift, base: range.start >> shift, count }
    }

    /// Returns the number of frames in a block.
    pub(crate) const fn frames(&self) -> u32 {
        1 << self.shift
    }

    /// Checks that a run can be added as a block and returns the block's number in the range.
    pub(crate) fn check<S: FrameSize>(&self, run: &FrameRun<S>) -> Result<u32, BlockError> {
        let block = run.first() >> self.shift;
        if run.count() != self.frames() || block << self.shift != run.first() {
            return Err(BlockError::Shape);
        }
        let block = block.checked_sub(self.base).and_then(|block| u32::try_from(block).ok());
        let block = block.ok_or(BlockError::OutsideRange)?;
        let (word, mask) = self.bit(block).ok_or(BlockError::OutsideRange)?;
        match word.load(Ordering::Acquire) & mask {
            0 => Ok(block),
            _ => Err(BlockError::AlreadySet),
        }
    }

    /// Adds a block and returns its number in the range.
    pub(crate) fn insert<S: FrameSize>(&self, run: &FrameRun<S>) -> Result<u32, BlockError> {
        let block = self.check(run)?;
        let (word, mask) = self.bit(block).ok_or(BlockError::OutsideRange)?;
        match word.fetch_or(mask, Ordering::AcqRel) & mask {
            0 => Ok(block),
            _ => Err(BlockError::AlreadySet),
        }
    }

    /// Removes a block and returns its frames, unless the other context has removed it before.
    pub(crate) fn remove<S: FrameSize>(&self, block: u32) -> Option<FrameRun<S>> {
        let (word, mask) = self.bit(block)?;
        let was = word.fetch_and(!mask, Ordering::AcqRel) & mask;
        (was != 0).then(|| self.run(block))
    }

    /// Returns the number of the block that a frame is in.
    pub(crate) fn block_of(&self, frame: u64) -> Option<u32> {
        let block = (frame >> self.shift).checked_sub(self.base)?;
        u32::try_from(block).ok().filter(|&block| block < self.count)
    }

    /// Returns the number of the first frame of a block.
    pub(crate) fn first_frame(&self, block: u32) -> u64 {
        (self.base + u64::from(block)) << self.shift
    }

    /// Returns whether the set has a block.
    pub(crate) fn contains(&self, block: u32) -> bool {
        self.bit(block).is_some_and(|(word, mask)| word.load(Ordering::Acquire) & mask != 0)
    }

    /// Adds a block of the range by its number. Returns whether it was not in the set.
    pub(crate) fn set(&self, block: u32) -> bool {
        self.bit(block).is_some_and(|(word, mask)| word.fetch_or(mask, Ordering::AcqRel) & mask == 0)
    }

    /// Removes a block by its number. Returns whether it was in the set.
    pub(crate) fn clear(&self, block: u32) -> bool {
        self.bit(block).is_some_and(|(word, mask)| word.fetch_and(!mask, Ordering::AcqRel) & mask != 0)
    }

    /// Removes all blocks. No other context uses the set.
    pub(crate) fn clear_all(&self) {
        self.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Removes every block and passes its frames to `each`. If that panics, the blocks after it stay in the set.
    pub(crate) fn remove_all<S: FrameSize>(&self, mut each: impl FnMut(FrameRun<S>)) {
        for (index, word) in (0_u32..).zip(self.words) {
            let mut bits = word.load(Ordering::Acquire);
            while bits != 0 {
                let block = index.wrapping_mul(u32::BITS) + bits.trailing_zeros();
                bits &= bits - 1;
                if let Some(run) = self.remove(block) {
                    each(run);
                }
            }
        }
    }

    /// Returns the first block at or after `from`. Looks at most at `words` words, and takes them off.
    pub(crate) fn find(&self, from: u32, words: &mut u32) -> Option<u32> {
        let mut block = from;
        loop {
            let (word, mask) = self.bit(block)?;
            *words = words.checked_sub(1)?;
            // The bits from the one of the block on.
            let bits = word.load(Ordering::Acquire) & mask.wrapping_neg();
            let start = block & !(u32::BITS - 1);
            if bits != 0 {
                return Some(start + bits.trailing_zeros());
            }
            block = start.checked_add(u32::BITS)?;
        }
    }

    fn run<S: FrameSize>(&self, block: u32) -> FrameRun<S> {
        FrameRun::removed((self.base + u64::from(block)) << self.shift, self.frames())
    }

    /// Returns the word and the mask of a block inside the range.
    fn bit(&self, block: u32) -> Option<(&AtomicU32, u32)> {
        let word = self.words.get((block / u32::BITS) as usize).filter(|_| block < self.count)?;
        Some((word, 1 << (block % u32::BITS)))
    }
}

/// Returns the number of blocks of 2^`shift` frames that a range of frames touches.
fn blocks(range: &Range<u64>, shift: u32) -> u64 {
    let end = (range.end >> shift) + u64::from(range.end >> shift << shift != range.end);
    end.saturating_sub(range.start >> shift)
}

/// Makes a block reachable for the device. Returns `None` if the platform cannot do that now.
pub(crate) fn map<S: FrameSize>(
    addressing: Addressing,
    run: &FrameRun<S>,
    dma: &mut impl Dma,
) -> Option<DeviceAddress> {
    addressing.map(dma, run.address(), block_bytes(run) as usize).ok()
}

/// Undoes [`map`].
///
/// # Safety
///
/// One call of [`map`] with the same addressing mapped the block, no other call undoes it, and the device no longer uses the block.
pub(crate) unsafe fn unmap<S: FrameSize>(addressing: Addressing, run: &FrameRun<S>, dma: &mut impl Dma) {
    // SAFETY: by the caller's promise. A run has the same address and length both times.
    let _ = unsafe { addressing.unmap(dma, run.address(), block_bytes(run) as usize) };
}

/// Returns the length of a block in bytes. Blocks have at most 1 GiB.
pub(crate) fn block_bytes<S: FrameSize>(run: &FrameRun<S>) -> u32 {
    u32::try_from(run.bytes()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::{vec, vec::Vec};

    use super::*;
    use crate::units::Size4KiB;

    fn bitmap(range: Range<u64>, frames: u32) -> BlockBitmap {
        let words = vec![u64::MAX; BlockBitmap::words(&range, frames).unwrap()];
        BlockBitmap::new(Box::leak(words.into_boxed_slice()), &range, frames)
    }

    fn run(first: u64, count: u32) -> FrameRun<Size4KiB> {
        FrameRun::removed(first, count)
    }

    #[test]
    fn a_block_is_inserted_once_and_removed_once() {
        let bitmap = bitmap(0..4096, 512);
        assert_eq!(bitmap.insert(&run(1024, 512)), Ok(2));
        assert_eq!(bitmap.insert(&run(1024, 512)), Err(BlockError::AlreadySet));
        assert_eq!(bitmap.remove(2), Some(run(1024, 512)));
        assert_eq!(bitmap.remove::<Size4KiB>(2), None);
    }

    #[test]
    fn only_whole_aligned_blocks_inside_the_range_are_inserted() {
        let bitmap = bitmap(1000..5000, 512);
        for (first, count) in [(1024, 511), (1025, 512), (512, 1024), (0, 511), (u64::MAX, 512)] {
            assert_eq!(bitmap.insert(&run(first, count)), Err(BlockError::Shape), "{first}+{count}");
        }
        for (first, count) in [(0, 512), (5120, 512), (u64::MAX - 511, 512)] {
            assert_eq!(bitmap.insert(&run(first, count)), Err(BlockError::OutsideRange), "{first}+{count}");
        }
        assert_eq!(bitmap.insert(&run(512, 512)), Ok(0), "the block around the start of the range");
        assert_eq!(bitmap.insert(&run(4608, 512)), Ok(8), "the block around its end");
    }

    #[test]
    fn remove_all_returns_every_block_of_the_set_once() {
        let bitmap = bitmap(0..512 * 100, 512);
        for block in [0, 31, 32, 63, 64, 99] {
            bitmap.insert(&run(block * 512, 512)).unwrap();
        }
        bitmap.remove::<Size4KiB>(63);
        let mut back = Vec::new();
        bitmap.remove_all::<Size4KiB>(|run| back.push(run.first() / 512));
        assert_eq!(back, [0, 31, 32, 64, 99]);
        bitmap.remove_all::<Size4KiB>(|run| back.push(run.first() / 512));
        assert_eq!(back.len(), 5);
    }

    #[test]
    fn find_returns_the_next_block_within_the_limit_of_words() {
        let bitmap = bitmap(0..512 * 100, 512);
        for block in [3, 31, 96] {
            bitmap.insert(&run(block * 512, 512)).unwrap();
        }
        assert_eq!(bitmap.find(0, &mut 1), Some(3));
        assert_eq!(bitmap.find(4, &mut 1), Some(31));
        assert_eq!(bitmap.find(32, &mut 2), None, "two words are empty");
        let mut words = 5;
        assert_eq!((bitmap.find(32, &mut words), words), (Some(96), 2));
        assert_eq!(bitmap.find(97, &mut 100), None);
        assert_eq!(bitmap.find(u32::MAX, &mut 100), None);
    }

    #[test]
    fn a_bitmap_has_a_bit_for_each_block() {
        for (range, words) in [(0..512 * 64, 1), (0..512 * 64 + 1, 2), (511..512 * 129, 3)] {
            assert_eq!(BlockBitmap::words(&range, 512), Some(words), "{range:?}");
        }
    }

    #[test]
    fn blocks_without_words_are_rejected() {
        let words = Box::leak(vec![0; 1].into_boxed_slice());
        let bitmap = BlockBitmap::new(words, &(0..512 * 65), 512);
        assert_eq!(bitmap.insert(&run(63 * 512, 512)), Ok(63));
        assert_eq!(bitmap.insert(&run(64 * 512, 512)), Err(BlockError::OutsideRange));
    }
}
