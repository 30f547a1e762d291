//! Blocks of free memory that are with the device for a while: reported, or hinted.
//!
//! The book of these blocks, which also says whether the device is live, is shared by the handle that lends them and the
//! balloon itself, so that blocks come back to the kernel when the device is reset even if the handle is gone by then.

use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

use aerostat_transport::{Addressing, DeviceAddress, Dma};

use crate::frame::{FrameRun, FrameSize};

/// Bits in a word of the book.
const BITS: u64 = u32::BITS as u64;

/// A book of blocks, one bit for each, in memory that the kernel lends. Copies are the same book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    words: &'static [AtomicU32],
    /// Frames in a block, a power of two.
    frames: u32,
    /// Number of the block that bit 0 stands for.
    base: u64,
    /// Blocks of the span.
    count: u64,
    /// Which addresses of blocks the device takes.
    addressing: Addressing,
}

/// Why a block cannot be lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotABlock {
    /// It is not a whole block, or lies outside the span.
    Shape,
    /// It is lent already.
    Twice,
}

impl Blocks {
    /// The words of 64 bits that a book takes: one of them says that the device is live.
    pub(crate) fn words(span: &core::ops::Range<u64>, frames: u32) -> Option<usize> {
        let blocks = span.end.div_ceil(frames.into()).saturating_sub(span.start / u64::from(frames));
        usize::try_from(blocks.div_ceil(64)).ok()?.checked_add(1)
    }

    /// An empty book in these words; they are handed back when there are too few.
    pub(crate) fn new(
        words: &'static mut [u64],
        span: &core::ops::Range<u64>,
        frames: u32,
        addressing: Addressing,
    ) -> Result<Self, &'static mut [u64]> {
        if Self::words(span, frames).is_none_or(|needed| needed > words.len()) {
            return Err(words);
        }
        words.fill(0);
        let start = words.as_mut_ptr().cast::<AtomicU32>();
        // SAFETY: the words are valid for ever and borrowed exclusively for ever; an atomic of 32 bits has the layout of
        // a `u32`, of which two fit into each word at no stricter alignment.
        let words = unsafe { slice::from_raw_parts(start, words.len() * 2) };
        let base = span.start / u64::from(frames);
        let count = span.end.div_ceil(frames.into()).saturating_sub(base);
        let book = Self { words, frames, base, count, addressing };
        book.set_live(1);
        Ok(book)
    }

    /// The words that the book was made of.
    ///
    /// # Safety
    ///
    /// No copy of the book is used any more.
    pub(crate) unsafe fn into_words(self) -> &'static mut [u64] {
        let start = self.words.as_ptr().cast_mut().cast::<u64>();
        // SAFETY: these are the words that `new` was given for ever, whole and aligned, and by the contract nobody else
        // uses them.
        unsafe { slice::from_raw_parts_mut(start, self.words.len() / 2) }
    }

    fn set_live(&self, live: u32) {
        if let Some(word) = self.words.first() {
            word.store(live, Ordering::SeqCst);
        }
    }

    /// Whether the device is live: nothing is lent otherwise.
    pub(crate) fn is_live(&self) -> bool {
        self.words.first().is_some_and(|word| word.load(Ordering::SeqCst) == 1)
    }

    /// Ends lending, before the device is reset.
    pub(crate) fn close(&self) {
        self.set_live(0);
    }

    /// Frames in a block.
    pub(crate) const fn frames(&self) -> u32 {
        self.frames
    }

    /// Makes a block reachable for the device. `None` where the platform cannot do that now.
    pub(crate) fn map<S: FrameSize>(&self, run: &FrameRun<S>, dma: &mut impl Dma) -> Option<DeviceAddress> {
        self.addressing.map(dma, run.address(), bytes(run) as usize)
    }

    /// Undoes [`Blocks::map`].
    pub(crate) fn unmap<S: FrameSize>(&self, run: &FrameRun<S>, dma: &mut impl Dma) {
        self.addressing.unmap(dma, run.address(), bytes(run) as usize);
    }

    /// Whether a run can be entered as a block. Only the one handle that lends blocks of this book enters any.
    pub(crate) fn check<S: FrameSize>(&self, run: &FrameRun<S>) -> Result<u64, NotABlock> {
        let (frames, block) = (u64::from(self.frames), run.first() / u64::from(self.frames));
        let whole = run.count() == self.frames && run.first().is_multiple_of(frames);
        if !whole || block < self.base || block - self.base >= self.count {
            return Err(NotABlock::Shape);
        }
        let (word, mask) = self.bit(block).ok_or(NotABlock::Shape)?;
        match word.load(Ordering::Acquire) & mask {
            0 => Ok(block),
            _ => Err(NotABlock::Twice),
        }
    }

    /// Enters a block and returns its number.
    pub(crate) fn lend<S: FrameSize>(&self, run: &FrameRun<S>) -> Result<u64, NotABlock> {
        let block = self.check(run)?;
        let (word, mask) = self.bit(block).ok_or(NotABlock::Shape)?;
        match word.fetch_or(mask, Ordering::AcqRel) & mask {
            0 => Ok(block),
            _ => Err(NotABlock::Twice),
        }
    }

    /// Strikes a block out and returns its frames, unless somebody else did before.
    pub(crate) fn take_back<S: FrameSize>(&self, block: u64) -> Option<FrameRun<S>> {
        let (word, mask) = self.bit(block)?;
        let was = word.fetch_and(!mask, Ordering::AcqRel) & mask;
        (was != 0).then(|| FrameRun::leaving(block * u64::from(self.frames), self.frames))
    }

    /// Strikes out every block and passes its frames on.
    pub(crate) fn take_all<S: FrameSize>(&self, mut back: impl FnMut(FrameRun<S>)) {
        let words = usize::try_from(self.count.div_ceil(BITS)).unwrap_or(usize::MAX);
        for (index, word) in (0_u64..).zip(self.words.iter().skip(2).take(words)) {
            let mut bits = word.swap(0, Ordering::AcqRel);
            while bits != 0 {
                let block = self.base + index * BITS + u64::from(bits.trailing_zeros());
                bits &= bits - 1;
                back(FrameRun::leaving(block * u64::from(self.frames), self.frames));
            }
        }
    }

    /// The bit of a block.
    fn bit(&self, block: u64) -> Option<(&AtomicU32, u32)> {
        let index = block.checked_sub(self.base).filter(|&index| index < self.count)?;
        // The first two are one word of the kernel's, which says whether the device is live.
        let word = usize::try_from(index / BITS).ok()?.checked_add(2)?;
        Some((self.words.get(word)?, 1 << (index % BITS)))
    }
}

/// The length of a block, in bytes. Blocks are limited to 1 GiB.
pub(crate) fn bytes<S: FrameSize>(run: &FrameRun<S>) -> u32 {
    u32::try_from(u64::from(run.count()) * S::BYTES).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::{vec, vec::Vec};

    use super::*;
    use crate::frame::Size4KiB;

    fn book(span: core::ops::Range<u64>, frames: u32) -> Blocks {
        let words = vec![u64::MAX; Blocks::words(&span, frames).unwrap()];
        Blocks::new(Box::leak(words.into_boxed_slice()), &span, frames, Addressing::Physical).unwrap()
    }

    fn run(first: u64, count: u32) -> FrameRun<Size4KiB> {
        FrameRun::leaving(first, count)
    }

    #[test]
    fn a_block_is_lent_once_and_comes_back_once() {
        let book = book(0..4096, 512);
        assert_eq!(book.lend(&run(1024, 512)), Ok(2));
        assert_eq!(book.lend(&run(1024, 512)), Err(NotABlock::Twice));
        assert_eq!(book.take_back(2), Some(run(1024, 512)));
        assert_eq!(book.take_back::<Size4KiB>(2), None);
    }

    #[test]
    fn only_whole_aligned_blocks_inside_the_span_are_lent() {
        let book = book(1000..5000, 512);
        for (first, count) in [(1024, 511), (1025, 512), (512, 1024), (0, 512), (5120, 512), (u64::MAX - 511, 512)] {
            assert_eq!(book.lend(&run(first, count)), Err(NotABlock::Shape), "{first}+{count}");
        }
        assert_eq!(book.lend(&run(512, 512)), Ok(1), "the block around the start of the span");
        assert_eq!(book.lend(&run(4608, 512)), Ok(9), "the block around its end");
    }

    #[test]
    fn all_blocks_come_back_at_the_end_and_the_memory_too() {
        let book = book(0..512 * 100, 512);
        for block in [0, 31, 32, 63, 64, 99] {
            book.lend(&run(block * 512, 512)).unwrap();
        }
        book.take_back::<Size4KiB>(63);
        assert!(book.is_live());
        book.close();
        assert!(!book.is_live());
        let mut back = Vec::new();
        book.take_all::<Size4KiB>(|run| back.push(run.first() / 512));
        assert_eq!(back, [0, 31, 32, 64, 99]);
        // SAFETY: the only copy of the book is given up here.
        assert_eq!(unsafe { book.into_words() }.len(), 3);
    }

    #[test]
    fn too_few_words_are_handed_back() {
        let words = Box::leak(vec![0; 2].into_boxed_slice());
        assert_eq!(Blocks::new(words, &(0..512 * 65), 512, Addressing::Physical).unwrap_err().len(), 2);
    }
}
