//! Whole blocks of memory: which of them are free, and which have been reported to the host.

use core::ops::Range;

/// Frames in a block of 2 MiB, the unit in which free memory is reported and hinted.
pub const BLOCK_FRAMES: u64 = 512;

/// The number of blocks in 64 GiB. Blocks above are not tracked.
const CAP: usize = 1 << 15;

/// Which free blocks an allocation may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockFilter {
    /// Any free block.
    Any,
    /// A block that has not been reported to the host since it was last in use.
    Unreported,
}

#[derive(Clone, Copy)]
struct Block {
    /// The number of its free frames.
    free: u16,
    /// Whether it has been reported to the host since it became free.
    reported: bool,
}

impl Block {
    /// No frame is free.
    const USED: Self = Self { free: 0, reported: false };

    fn matches(self, filter: BlockFilter) -> bool {
        u64::from(self.free) == BLOCK_FRAMES && (filter == BlockFilter::Any || !self.reported)
    }
}

/// All blocks. The number of a block is that of its first frame divided by [`BLOCK_FRAMES`].
pub(crate) struct Blocks {
    blocks: [Block; CAP],
    /// The block at which the next search starts.
    cursor: usize,
    /// No block below this one is whole.
    lowest: usize,
    /// Whether a block has become free or unreported since the last call of [`Self::take_new`].
    has_new: bool,
}

impl Blocks {
    /// Returns blocks without a free frame.
    pub(crate) const fn new() -> Self {
        Self { blocks: [Block::USED; CAP], cursor: 0, lowest: CAP, has_new: false }
    }

    /// Marks frames as free.
    ///
    /// # Panics
    ///
    /// If more frames of a block are free than it has.
    pub(crate) fn deallocate(&mut self, run: &Range<u64>) {
        for (number, part) in split_at_blocks(run.clone()) {
            if let Some(block) = self.blocks.get_mut(number as usize) {
                block.free += (part.end - part.start) as u16;
                assert!(u64::from(block.free) <= BLOCK_FRAMES, "double deallocation among frames {run:?}");
                if u64::from(block.free) == BLOCK_FRAMES {
                    self.has_new = true;
                    self.lowest = self.lowest.min(number as usize);
                }
            }
        }
    }

    /// Marks frames as in use, and their blocks as unreported.
    pub(crate) fn allocate(&mut self, run: &Range<u64>) {
        for (number, part) in split_at_blocks(run.clone()) {
            if let Some(block) = self.blocks.get_mut(number as usize) {
                block.free -= (part.end - part.start) as u16;
                block.reported = false;
            }
        }
    }

    /// Marks the blocks of free frames as reported.
    pub(crate) fn report(&mut self, run: &Range<u64>) {
        for (number, _) in split_at_blocks(run.clone()) {
            if let Some(block) = self.blocks.get_mut(number as usize) {
                block.reported = u64::from(block.free) == BLOCK_FRAMES;
            }
        }
    }

    /// Marks all blocks as unreported.
    pub(crate) fn forget_reports(&mut self) {
        self.blocks.iter_mut().for_each(|block| block.reported = false);
        self.has_new = true;
    }

    /// Returns the number of free frames in a block.
    pub(crate) fn free(&self, block: u64) -> u64 {
        self.blocks.get(block as usize).map_or(0, |block| block.free.into())
    }

    /// Returns whether all frames of a block are free.
    pub(crate) fn is_whole(&self, block: u64) -> bool {
        self.free(block) == BLOCK_FRAMES
    }

    /// Looks for the lowest whole block before frame number `end`, from which [`Self::next_whole`] then starts.
    pub(crate) fn find_lowest(&mut self, end: u64) {
        self.lowest = self.next_whole(0, end).map_or(CAP, |block| block as usize);
    }

    /// Returns the first block at or after `from`, and before frame number `end`, whose frames are all free.
    pub(crate) fn next_whole(&self, from: u64, end: u64) -> Option<u64> {
        let blocks = (from as usize).max(self.lowest)..(end.div_ceil(BLOCK_FRAMES) as usize).min(CAP);
        blocks.map(|block| block as u64).find(|&block| self.is_whole(block))
    }

    /// Returns whether there may be blocks to report that were not there at the last call.
    pub(crate) fn take_new(&mut self) -> bool {
        core::mem::take(&mut self.has_new)
    }

    /// Allocates consecutive free blocks: a multiple of `frames` frames, and at most `max`, or `frames` if that is more. The number of
    /// the first frame is a multiple of `frames`. Returns `None` if no such blocks are free below frame number `end`, or if `frames` is
    /// not a number of whole blocks.
    pub(crate) fn allocate_whole(
        &mut self,
        frames: u64,
        max: u64,
        filter: BlockFilter,
        end: u64,
    ) -> Option<Range<u64>> {
        let count = usize::try_from(frames / BLOCK_FRAMES).ok().filter(|&count| count > 0)?;
        if !frames.is_multiple_of(BLOCK_FRAMES) {
            return None;
        }
        let groups = (end.div_ceil(BLOCK_FRAMES) as usize).min(CAP) / count;
        let matches = |group: &[Block]| group.iter().all(|block| block.matches(filter));
        let first = (self.cursor / count).min(groups);
        let (before, behind) = self.blocks[..groups * count].split_at(first * count);
        let first = match behind.chunks_exact(count).position(matches) {
            Some(group) => first + group,
            None => before.chunks_exact(count).position(matches)?,
        };
        let more = self.blocks[(first + 1) * count..groups * count].chunks_exact(count);
        let more = more.take((max.saturating_sub(frames) / frames) as usize).take_while(|group| matches(group)).count();
        let end = first + 1 + more;
        self.cursor = end * count;
        self.blocks[first * count..end * count].fill(Block::USED);
        Some(first as u64 * frames..end as u64 * frames)
    }
}

/// Returns the number of the block that a frame is in.
pub(crate) const fn block_of(frame: u64) -> u64 {
    frame / BLOCK_FRAMES
}

/// Returns the frames of a block.
pub(crate) const fn frames_of(block: u64) -> Range<u64> {
    block * BLOCK_FRAMES..(block + 1) * BLOCK_FRAMES
}

/// Splits a run of frames at the boundaries of blocks. Returns the number of each block, and its frames in the run. An empty run has
/// no parts.
pub(crate) fn split_at_blocks(run: Range<u64>) -> impl Iterator<Item = (u64, Range<u64>)> {
    let end = if run.is_empty() { 0 } else { run.end.div_ceil(BLOCK_FRAMES) };
    (block_of(run.start)..end).map(move |block| {
        let all = frames_of(block);
        (block, all.start.max(run.start)..all.end.min(run.end))
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;

    const END: u64 = 16 * BLOCK_FRAMES;

    /// Allocates `count` blocks and deallocates them again.
    fn find(blocks: &mut Blocks, count: u64, filter: BlockFilter) -> Option<u64> {
        let run = blocks.allocate_whole(count * BLOCK_FRAMES, 0, filter, END)?;
        assert_eq!(run.end - run.start, count * BLOCK_FRAMES);
        blocks.deallocate(&run);
        Some(run.start / BLOCK_FRAMES)
    }

    #[test]
    fn a_run_is_split_at_the_boundaries_of_blocks() {
        let parts = |run| split_at_blocks(run).collect::<Vec<_>>();
        assert_eq!(parts(500..1030), [(0, 500..512), (1, 512..1024), (2, 1024..1030)]);
        assert_eq!(parts(512..1024), [(1, 512..1024)]);
        assert_eq!((parts(600..600), parts(512..512), parts(0..0)), (Vec::new(), Vec::new(), Vec::new()));
    }

    #[test]
    fn only_free_blocks_are_found_in_rotation() {
        let mut blocks = Box::new(Blocks::new());
        blocks.deallocate(&(1..4 * BLOCK_FRAMES));
        assert_eq!([(); 4].map(|()| find(&mut blocks, 1, BlockFilter::Any)), [Some(1), Some(2), Some(3), Some(1)]);
        blocks.allocate(&(2 * BLOCK_FRAMES - 1..3 * BLOCK_FRAMES));
        assert_eq!([(); 2].map(|()| find(&mut blocks, 1, BlockFilter::Any)), [Some(3), Some(3)]);
    }

    #[test]
    fn larger_blocks_are_aligned_to_their_size() {
        let mut blocks = Box::new(Blocks::new());
        blocks.deallocate(&(BLOCK_FRAMES..4 * BLOCK_FRAMES));
        assert_eq!(find(&mut blocks, 2, BlockFilter::Any), Some(2));
        assert_eq!(find(&mut blocks, 4, BlockFilter::Any), None);
        blocks.deallocate(&(0..BLOCK_FRAMES));
        assert_eq!(find(&mut blocks, 4, BlockFilter::Any), Some(0));
    }

    #[test]
    fn a_run_of_blocks_ends_at_the_first_used_frame_at_the_maximum_and_at_the_end() {
        let mut blocks = Box::new(Blocks::new());
        blocks.deallocate(&(0..END));
        blocks.allocate(&(5 * BLOCK_FRAMES..5 * BLOCK_FRAMES + 1));
        let mut take = |count: u64, max: u64| {
            let run = blocks.allocate_whole(count * BLOCK_FRAMES, max * BLOCK_FRAMES, BlockFilter::Any, END)?;
            Some(run.start / BLOCK_FRAMES..run.end / BLOCK_FRAMES)
        };
        assert_eq!([take(1, 3), take(1, 16), take(2, 5)], [Some(0..3), Some(3..5), Some(6..10)]);
        assert_eq!([take(1, u64::MAX / BLOCK_FRAMES), take(1, 1)], [Some(10..16), None]);
        blocks.deallocate(&(4 * BLOCK_FRAMES..5 * BLOCK_FRAMES));
        assert_eq!((blocks.next_whole(0, END), blocks.next_whole(5, END)), (Some(4), None));
    }

    #[test]
    fn a_size_that_is_not_whole_blocks_is_not_found() {
        let mut blocks = Box::new(Blocks::new());
        blocks.deallocate(&(0..END));
        for frames in [0, 1, BLOCK_FRAMES - 1, BLOCK_FRAMES + 1] {
            assert_eq!(blocks.allocate_whole(frames, END, BlockFilter::Any, END), None, "{frames}");
        }
    }

    #[test]
    fn a_reported_block_is_unreported_after_a_frame_of_it_was_in_use() {
        let mut blocks = Box::new(Blocks::new());
        blocks.deallocate(&(0..2 * BLOCK_FRAMES));
        blocks.report(&(0..2 * BLOCK_FRAMES));
        assert_eq!(find(&mut blocks, 1, BlockFilter::Unreported), None);
        blocks.allocate(&(600..601));
        assert_eq!(find(&mut blocks, 1, BlockFilter::Unreported), None, "a frame of it is in use");
        blocks.deallocate(&(600..601));
        assert_eq!(find(&mut blocks, 1, BlockFilter::Unreported), Some(1));
        blocks.report(&(BLOCK_FRAMES..2 * BLOCK_FRAMES));
        blocks.forget_reports();
        assert_eq!(find(&mut blocks, 1, BlockFilter::Unreported), Some(0));
    }

    #[test]
    fn a_block_that_becomes_free_is_new_once() {
        let mut blocks = Box::new(Blocks::new());
        blocks.deallocate(&(0..BLOCK_FRAMES - 1));
        assert!(!blocks.take_new());
        blocks.deallocate(&(BLOCK_FRAMES - 1..BLOCK_FRAMES));
        assert!(blocks.take_new());
        assert!(!blocks.take_new(), "the call before has returned it");
    }
}
