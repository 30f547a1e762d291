//! The page-frame allocator.

use core::alloc::Layout;
use core::ops::Range;

use bitmap_allocator::BitAlloc;
pub use bitmap_allocator::BitAlloc16M;

use crate::blocks::{BLOCK_FRAMES, BlockFilter, Blocks, block_of, frames_of, split_at_blocks};

/// Bytes in a frame.
pub const FRAME_BYTES: u64 = 4096;

/// An allocator of page frames. Frames are numbered: a number is the physical address divided by [`FRAME_BYTES`].
///
/// The allocator keeps one bit for each frame in this value and nothing in the frames: the host may discard the contents of
/// a free frame at any time, because the balloon driver reports free memory. Frames are allocated in runs, from low to high
/// addresses. The bits of a block are in use only while some of its frames are allocated and others are free, so that whole blocks
/// are allocated and deallocated without touching the bits.
///
/// `Bits` limits the number of frames. [`BitAlloc16M`] manages up to 64 GiB and takes 2 MiB, so the value belongs in a
/// static.
pub struct FrameAllocator<Bits> {
    /// The free frames of blocks that are not whole.
    free: Bits,
    blocks: Blocks,
    end: u64,
    total: u64,
    available: u64,
}

impl<Bits: BitAlloc> FrameAllocator<Bits> {
    /// The allocator manages physical addresses below this one, in bytes.
    pub const MAX_MEMORY: u64 = Bits::CAP as u64 * FRAME_BYTES;

    /// Returns an allocator without frames.
    #[expect(clippy::new_without_default, reason = "a value of this size should not be created by accident")]
    pub const fn new() -> Self {
        Self { free: Bits::DEFAULT, blocks: Blocks::new(), end: 0, total: 0, available: 0 }
    }

    /// Adds the whole frames in `memory` (physical addresses in bytes) as free. They must not have been added before.
    /// Memory at or above [`Self::MAX_MEMORY`] is ignored.
    pub fn add(&mut self, memory: Range<u64>) {
        let frames = memory.start.div_ceil(FRAME_BYTES)..memory.end.min(Self::MAX_MEMORY) / FRAME_BYTES;
        if !frames.is_empty() {
            self.end = self.end.max(frames.end);
            self.total += frames.end - frames.start;
            self.deallocate(frames);
        }
    }

    /// Allocates the first run of free frames, but at most `at_most` frames of it.
    pub fn allocate(&mut self, at_most: u32) -> Option<Range<u64>> {
        self.blocks.find_lowest(self.end);
        let run = self.free_run(0, u64::from(at_most))?;
        Some(self.remove(run))
    }

    /// Allocates the first consecutive frames that are large enough for `layout`. Returns `None` if no such run is
    /// free, or if `layout` has the size 0.
    pub fn allocate_layout(&mut self, layout: Layout) -> Option<Range<u64>> {
        let count = layout.size().div_ceil(FRAME_BYTES as usize) as u64;
        let alignment = layout.align().div_ceil(FRAME_BYTES as usize) as u64;
        if count == 0 {
            return None;
        }
        self.blocks.find_lowest(self.end);
        let run = self.free_runs().find_map(|run| {
            let first = run.start.checked_next_multiple_of(alignment)?;
            let end = first.checked_add(count)?;
            (end <= run.end).then_some(first..end)
        })?;
        Some(self.remove(run))
    }

    /// Allocates a block of `frames` consecutive frames. The number of the first frame is a multiple of `frames`. Returns
    /// `None` if there is no such block, or if `frames` is not a multiple of [`BLOCK_FRAMES`](crate::BLOCK_FRAMES).
    pub fn allocate_block(&mut self, frames: u64, filter: BlockFilter) -> Option<Range<u64>> {
        self.allocate_blocks(frames, frames, filter)
    }

    /// Allocates a run of blocks of `frames` consecutive frames each: at least one, and otherwise at most `max` frames in total.
    /// Returns `None` like [`Self::allocate_block`].
    pub fn allocate_blocks(&mut self, frames: u64, max: u64, filter: BlockFilter) -> Option<Range<u64>> {
        let run = self.blocks.allocate_whole(frames, max, filter, self.end)?;
        self.available -= run.end - run.start;
        Some(run)
    }

    /// Deallocates a run of frames. It may be a part of an allocation, or span several.
    ///
    /// # Panics
    ///
    /// If the first frame of the run is free, or the run is not below [`Self::MAX_MEMORY`]. This is a bug of the kernel,
    /// after which it would use memory twice.
    pub fn deallocate(&mut self, run: Range<u64>) {
        if run.is_empty() {
            return;
        }
        assert!(
            run.end <= Self::MAX_MEMORY / FRAME_BYTES,
            "invalid deallocation: frames {run:?} are beyond the managed memory"
        );
        assert!(!self.is_free(run.start), "double deallocation of frames {run:?}");
        self.available += run.end - run.start;
        for (block, part) in split_at_blocks(run) {
            let had_free_frames = self.blocks.free(block) > 0;
            self.blocks.deallocate(&part);
            if !self.blocks.is_whole(block) {
                self.free.insert(bits(&part));
            } else if had_free_frames {
                self.free.remove(bits(&frames_of(block)));
            }
        }
    }

    /// Deallocates a block that was reported to the host. The block counts as reported until a frame of it is allocated.
    ///
    /// # Panics
    ///
    /// Like [`Self::deallocate`].
    pub fn deallocate_reported(&mut self, run: Range<u64>) {
        self.deallocate(run.clone());
        self.blocks.report(&run);
    }

    /// Marks all blocks as unreported, because free frames were written to.
    pub fn forget_reports(&mut self) {
        self.blocks.forget_reports();
    }

    /// Returns whether there may be blocks to report that were not there at the last call.
    pub fn has_new_blocks(&mut self) -> bool {
        self.blocks.take_new()
    }

    /// Changes the count of [all frames](Self::total), for instance when frames enter or leave the balloon.
    pub fn adjust_total(&mut self, change: i64) {
        self.total = self.total.saturating_add_signed(change);
    }

    /// Returns the runs of free frames, from low to high addresses.
    pub fn free_runs(&self) -> impl Iterator<Item = Range<u64>> {
        let mut next = 0;
        core::iter::from_fn(move || {
            let run = self.free_run(next, u64::MAX)?;
            next = run.end;
            Some(run)
        })
    }

    /// Returns the number after that of the highest frame that has been added.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Returns the number of all frames, free or not: those that have been added, as [adjusted](Self::adjust_total).
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Returns the number of free frames.
    pub const fn available(&self) -> u64 {
        self.available
    }

    /// Returns the first run of free frames at or above frame number `from`, limited to `at_most` frames.
    fn free_run(&self, from: u64, at_most: u64) -> Option<Range<u64>> {
        let capacity = Bits::CAP as u64;
        if from >= capacity || at_most == 0 {
            return None;
        }
        let lone = self.free.next(from as usize).map(|frame| frame as u64);
        let whole = self.blocks.next_whole(block_of(from), lone.unwrap_or(self.end));
        let start = whole.map(|block| (block * BLOCK_FRAMES).max(from)).or(lone)?;
        let limit = start.saturating_add(at_most).min(capacity);
        let mut end = start;
        while end < limit {
            let block = frames_of(block_of(end));
            let first = block.start.max(start);
            if self.blocks.is_whole(block_of(end)) {
                end = block.end;
            } else if from <= block.start && self.blocks.free(block_of(end)) == block.end - first {
                // No frame of the block before `start` is free, so that all frames from `start` on are, and their bits need no test.
                end = block.end;
            } else if self.free.test(end as usize) {
                end += 1;
            } else {
                break;
            }
        }
        Some(start..end.min(limit))
    }

    fn is_free(&self, frame: u64) -> bool {
        self.blocks.is_whole(block_of(frame)) || self.free.test(frame as usize)
    }

    /// Removes free frames.
    fn remove(&mut self, run: Range<u64>) -> Range<u64> {
        for (block, part) in split_at_blocks(run.clone()) {
            let all = frames_of(block);
            if !self.blocks.is_whole(block) {
                self.free.remove(bits(&part));
            } else if part != all {
                for rest in [all.start..part.start, part.end..all.end] {
                    if !rest.is_empty() {
                        self.free.insert(bits(&rest));
                    }
                }
            }
            self.blocks.allocate(&part);
        }
        self.available -= run.end - run.start;
        run
    }
}

const fn bits(run: &Range<u64>) -> Range<usize> {
    run.start as usize..run.end as usize
}

impl<Bits> core::fmt::Debug for FrameAllocator<Bits> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameAllocator")
            .field("total", &self.total)
            .field("available", &self.available)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::vec::Vec;

    use bitmap_allocator::BitAlloc4K;

    use super::*;

    /// Up to 16 MiB.
    type FrameAllocator = super::FrameAllocator<BitAlloc4K>;
    const MAX_MEMORY: u64 = FrameAllocator::MAX_MEMORY;

    const MIB: u64 = 1 << 20;

    /// FrameAllocator 256..512 and 768..1024.
    fn two_regions() -> FrameAllocator {
        let mut frames = FrameAllocator::new();
        frames.add(MIB..2 * MIB);
        frames.add(3 * MIB..4 * MIB);
        frames
    }

    #[test]
    fn partial_frames_are_not_added() {
        let mut frames = FrameAllocator::new();
        frames.add(0x1800..0x4fff);
        frames.add(0x8800..0x8900);
        frames.add(0x9000..0xb000);
        assert_eq!(frames.free_runs().collect::<Vec<_>>(), [2..4, 9..11]);
        assert_eq!((frames.total(), frames.available(), frames.end()), (4, 4, 11));
    }

    #[test]
    fn memory_above_the_limit_is_ignored() {
        let mut frames = FrameAllocator::new();
        frames.add(MAX_MEMORY - FRAME_BYTES..MAX_MEMORY + MIB);
        frames.add(MAX_MEMORY + MIB..MAX_MEMORY + 2 * MIB);
        assert_eq!(frames.total(), 1);
        assert_eq!(frames.allocate(2), Some(MAX_MEMORY / FRAME_BYTES - 1..MAX_MEMORY / FRAME_BYTES));
        assert_eq!(frames.allocate(2), None);
    }

    #[test]
    fn runs_are_in_address_order_and_do_not_cross_a_hole() {
        let mut frames = two_regions();
        assert_eq!(frames.allocate(200), Some(256..456));
        assert_eq!(frames.allocate(200), Some(456..512));
        assert_eq!(frames.allocate(u32::MAX), Some(768..1024));
        assert_eq!(frames.allocate(1), None);
        assert_eq!((frames.total(), frames.available()), (512, 0));
    }

    #[test]
    fn a_run_that_is_deallocated_in_parts_is_one_run_again() {
        let mut frames = two_regions();
        let run = frames.allocate(256).unwrap();
        for frame in run.clone().rev() {
            frames.deallocate(frame..frame + 1);
        }
        assert_eq!(frames.available(), 512);
        assert_eq!(frames.allocate(256), Some(run));
    }

    #[test]
    fn runs_end_at_any_frame_in_use() {
        for used in [1, 2, 255, 510, 511, 512, 513, 1023, 1024, 1025, 2046] {
            let mut frames = FrameAllocator::new();
            frames.add(0..8 * MIB);
            assert_eq!(frames.allocate(u32::MAX), Some(0..2048));
            frames.deallocate(0..used);
            frames.deallocate(used + 1..2048);
            assert_eq!(frames.free_runs().collect::<Vec<_>>(), [0..used, used + 1..2048]);
            for from in [0, 1, used / 2, used] {
                let first = if from == used { used + 1..2048 } else { from..used };
                assert_eq!(frames.free_run(from, u64::MAX), Some(first.clone()), "from {from} with {used} in use");
                assert_eq!(frames.free_run(from, 1), Some(first.start..first.start + 1));
            }
        }
    }

    /// Runs of free frames, from a set of them.
    fn runs(free: &BTreeSet<u64>) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for &frame in free {
            match runs.last_mut() {
                Some(run) if run.end == frame => run.end += 1,
                _ => runs.push(frame..frame + 1),
            }
        }
        runs
    }

    #[test]
    fn any_order_of_calls_leaves_the_frames_of_a_set() {
        let mut frames = FrameAllocator::new();
        // The first and the last block have fewer frames.
        frames.add(MIB..15 * MIB + 0x5000);
        let mut free: BTreeSet<u64> = (256..15 * 256 + 5).collect();
        let mut used: Vec<Range<u64>> = Vec::new();
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (random >> 33) % below
        };
        for _ in 0..3000 {
            let run = match next(6) {
                0 => frames.allocate(next(700) as u32 + 1),
                1 => frames.allocate_blocks(512 << next(2), next(2048), BlockFilter::Any),
                2 => frames
                    .allocate_layout(Layout::from_size_align(next(0x30_0000) as usize + 1, 4096 << next(10)).unwrap()),
                _ => None,
            };
            if let Some(run) = run {
                assert!(run.clone().all(|frame| free.remove(&frame)), "{run:?} was not free");
                used.push(run);
            } else if !used.is_empty() {
                let run = used.swap_remove(next(used.len() as u64) as usize);
                let cut = run.start + next(run.end - run.start + 1);
                for part in [cut..run.end, run.start..cut] {
                    free.extend(part.clone());
                    frames.deallocate(part);
                }
            }
            assert_eq!(frames.available(), free.len() as u64);
            assert_eq!(frames.free_runs().collect::<Vec<_>>(), runs(&free));
        }
    }

    #[test]
    fn empty_runs_are_ignored() {
        let mut frames = two_regions();
        assert_eq!(frames.allocate(0), None);
        frames.deallocate(300..300);
        assert_eq!(frames.available(), 512);
    }

    #[test]
    fn a_layout_is_aligned_and_rounded_up_to_frames() {
        let mut frames = two_regions();
        assert_eq!(frames.allocate(1), Some(256..257));
        let layout = |bytes, align| Layout::from_size_align(bytes, align).unwrap();
        assert_eq!(frames.allocate_layout(layout(1, 16)), Some(257..258));
        assert_eq!(frames.allocate_layout(layout(5000, 0x10000)), Some(272..274));
        assert_eq!(frames.allocate_layout(layout(MIB as usize, 8)), Some(768..1024));
        assert_eq!(frames.allocate_layout(layout(MIB as usize, 8)), None);
        assert_eq!(frames.allocate_layout(layout(0, 8)), None);
        assert_eq!(frames.available(), 512 - 1 - 1 - 2 - 256);
    }

    #[test]
    fn a_deallocated_block_can_be_marked_as_reported() {
        let mut frames = FrameAllocator::new();
        frames.add(MIB..8 * MIB);
        let block = frames.allocate_block(512, BlockFilter::Unreported).unwrap();
        assert_eq!((block.clone(), frames.available()), (512..1024, 5 * 256));
        frames.deallocate_reported(block);
        assert_eq!(frames.allocate_block(1024, BlockFilter::Unreported), Some(1024..2048));
        assert_eq!(frames.allocate_block(512, BlockFilter::Unreported), None);
        assert_eq!(frames.allocate_block(512, BlockFilter::Any), Some(512..1024));
        assert_eq!(frames.allocate(u32::MAX), Some(256..512));
    }

    #[test]
    fn every_kind_of_allocation_makes_its_block_incomplete() {
        let mut frames = FrameAllocator::new();
        frames.add(0..6 * MIB);
        let run = frames.allocate(1).unwrap();
        let layout = frames.allocate_layout(Layout::from_size_align(1, 4 << 20).unwrap()).unwrap();
        assert_eq!((run, layout.clone()), (0..1, 1024..1025));
        assert_eq!(frames.allocate_block(512, BlockFilter::Any), Some(512..1024));
        assert_eq!(frames.allocate_block(512, BlockFilter::Any), None);
        frames.deallocate(layout);
        assert_eq!(frames.allocate_block(512, BlockFilter::Any), Some(1024..1536));
    }

    #[test]
    #[should_panic(expected = "double deallocation")]
    fn a_double_deallocation_panics() {
        let mut frames = two_regions();
        let run = frames.allocate(4).unwrap();
        frames.deallocate(run.clone());
        frames.deallocate(run);
    }
}
