//! What the allocator knows of whole blocks of memory: which of them are free, and which the host was told of.

use core::ops::Range;

/// Frames in a block, the unit in which free memory is reported and hinted: 2 MiB.
pub const BLOCK_FRAMES: u64 = 512;

/// Blocks below this number are known: those of 64 GiB.
const CAP: usize = 1 << 15;

/// Which free blocks are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optional {
    /// Any.
    Free,
    /// Those that the host was not told of since they were last in use.
    Unreported,
}

#[derive(Clone, Copy)]
struct Block {
    /// How many of its frames are free.
    free: u16,
    /// Whether the host knows that it is free.
    reported: bool,
}

impl Block {
    fn is(self, wanted: Optional) -> bool {
        u64::from(self.free) == BLOCK_FRAMES && (wanted == Optional::Free || !self.reported)
    }
}

/// The blocks, by number: that of the first frame divided by [`BLOCK_FRAMES`].
pub(crate) struct Blocks {
    blocks: [Block; CAP],
    /// Where the next search begins.
    cursor: usize,
    /// Whether a block has become free, or may be reported again, since somebody last asked.
    fresh: bool,
}

impl Blocks {
    /// No block has a free frame.
    pub(crate) const fn new() -> Self {
        Self { blocks: [Block { free: 0, reported: false }; CAP], cursor: 0, fresh: false }
    }

    /// Notes that the frames are free now.
    ///
    /// # Panics
    ///
    /// When more frames are given back than a block has.
    pub(crate) fn put(&mut self, run: &Range<u64>) {
        for (block, frames) in pieces(run) {
            if let Some(block) = self.blocks.get_mut(block) {
                block.free += frames;
                assert!(u64::from(block.free) <= BLOCK_FRAMES, "frames {run:?} given back, some of them twice");
                self.fresh |= u64::from(block.free) == BLOCK_FRAMES;
            }
        }
    }

    /// Notes that the frames are in use now, so that the host does not know any more what is free in their blocks.
    pub(crate) fn take(&mut self, run: &Range<u64>) {
        for (block, frames) in pieces(run) {
            if let Some(block) = self.blocks.get_mut(block) {
                block.free -= frames;
                block.reported = false;
            }
        }
    }

    /// Notes that the host knows of these frames, which are free.
    pub(crate) fn report(&mut self, run: &Range<u64>) {
        for (block, _) in pieces(run) {
            if let Some(block) = self.blocks.get_mut(block) {
                block.reported = u64::from(block.free) == BLOCK_FRAMES;
            }
        }
    }

    /// Forgets what the host was told.
    pub(crate) fn forget_reports(&mut self) {
        self.blocks.iter_mut().for_each(|block| block.reported = false);
        self.fresh = true;
    }

    /// How many frames of the block with this number are free.
    pub(crate) fn free(&self, block: u64) -> u64 {
        self.blocks.get(block as usize).map_or(0, |block| block.free.into())
    }

    /// Whether there may be something new to report since the last time that this was asked.
    pub(crate) fn is_fresh(&mut self) -> bool {
        core::mem::take(&mut self.fresh)
    }

    /// The frames of free blocks that are neighbours, `frames` altogether, the first of which has a number that is a
    /// multiple of `frames`. `None` when there are none below frame number `end`, or `frames` are not whole blocks.
    pub(crate) fn find(&mut self, frames: u64, wanted: Optional, end: u64) -> Option<Range<u64>> {
        let count = usize::try_from(frames / BLOCK_FRAMES).ok().filter(|&count| count > 0)?;
        let groups = (end.div_ceil(BLOCK_FRAMES) as usize).min(CAP) / count;
        if !frames.is_multiple_of(BLOCK_FRAMES) {
            return None;
        }
        let first = (self.cursor / count).min(groups);
        let group = (first..groups).chain(0..first).find(|group| {
            let mut blocks = self.blocks[group * count..(group + 1) * count].iter();
            blocks.all(|block| block.is(wanted))
        })?;
        self.cursor = (group + 1) * count;
        let start = (group * count) as u64 * BLOCK_FRAMES;
        Some(start..start + frames)
    }
}

/// Cuts a run of frames at the boundaries of blocks: number of the block, and how many of its frames.
fn pieces(run: &Range<u64>) -> impl Iterator<Item = (usize, u16)> {
    let Range { mut start, end } = *run;
    core::iter::from_fn(move || {
        if start >= end {
            return None;
        }
        let block = start / BLOCK_FRAMES;
        let stop = end.min((block + 1) * BLOCK_FRAMES);
        let frames = (stop - start) as u16;
        start = stop;
        Some((block as usize, frames))
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::boxed::Box;

    use super::*;

    const END: u64 = 16 * BLOCK_FRAMES;

    fn find(blocks: &mut Blocks, count: u64, wanted: Optional) -> Option<u64> {
        let run = blocks.find(count * BLOCK_FRAMES, wanted, END)?;
        assert_eq!(run.end - run.start, count * BLOCK_FRAMES);
        Some(run.start / BLOCK_FRAMES)
    }

    #[test]
    fn only_whole_free_blocks_are_found_each_in_its_turn() {
        let mut blocks = Box::new(Blocks::new());
        blocks.put(&(1..4 * BLOCK_FRAMES));
        assert_eq!([(); 4].map(|()| find(&mut blocks, 1, Optional::Free)), [Some(1), Some(2), Some(3), Some(1)]);
        blocks.take(&(2 * BLOCK_FRAMES - 1..3 * BLOCK_FRAMES));
        assert_eq!([(); 2].map(|()| find(&mut blocks, 1, Optional::Free)), [Some(3), Some(3)]);
    }

    #[test]
    fn larger_blocks_are_aligned_to_their_size() {
        let mut blocks = Box::new(Blocks::new());
        blocks.put(&(BLOCK_FRAMES..4 * BLOCK_FRAMES));
        assert_eq!(find(&mut blocks, 2, Optional::Free), Some(2));
        assert_eq!(find(&mut blocks, 4, Optional::Free), None);
        blocks.put(&(0..BLOCK_FRAMES));
        assert_eq!(find(&mut blocks, 4, Optional::Free), Some(0));
    }

    #[test]
    fn what_is_not_whole_blocks_is_not_found() {
        let mut blocks = Box::new(Blocks::new());
        blocks.put(&(0..END));
        for frames in [0, 1, BLOCK_FRAMES - 1, BLOCK_FRAMES + 1] {
            assert_eq!(blocks.find(frames, Optional::Free, END), None, "{frames}");
        }
    }

    #[test]
    fn a_reported_block_is_unreported_again_once_a_frame_of_it_was_in_use() {
        let mut blocks = Box::new(Blocks::new());
        blocks.put(&(0..2 * BLOCK_FRAMES));
        blocks.report(&(0..2 * BLOCK_FRAMES));
        assert_eq!(find(&mut blocks, 1, Optional::Unreported), None);
        blocks.take(&(600..601));
        assert_eq!(find(&mut blocks, 1, Optional::Unreported), None, "a frame of it is in use");
        blocks.put(&(600..601));
        assert_eq!(find(&mut blocks, 1, Optional::Unreported), Some(1));
        blocks.report(&(BLOCK_FRAMES..2 * BLOCK_FRAMES));
        blocks.forget_reports();
        assert_eq!(find(&mut blocks, 1, Optional::Unreported), Some(0));
    }

    #[test]
    fn it_is_news_when_a_block_becomes_free() {
        let mut blocks = Box::new(Blocks::new());
        blocks.put(&(0..BLOCK_FRAMES - 1));
        assert!(!blocks.is_fresh());
        blocks.put(&(BLOCK_FRAMES - 1..BLOCK_FRAMES));
        assert!(blocks.is_fresh());
        assert!(!blocks.is_fresh(), "it is news only once");
    }
}
