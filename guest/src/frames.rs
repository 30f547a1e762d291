//! The page-frame allocator.

use core::alloc::Layout;
use core::ops::Range;

use bitmap_allocator::BitAlloc;
pub use bitmap_allocator::BitAlloc16M;

use crate::blocks::{BLOCK_FRAMES, Blocks, Optional};

/// Bytes in a frame.
pub const FRAME_BYTES: u64 = 4096;

/// The free frames of the machine, by number: the physical address divided by [`FRAME_BYTES`].
///
/// What is known of a frame is one bit in this value, never in the frame itself: the contents of a free frame may
/// be lost at any time, because the host was told that nobody needs them. Frames are given in runs, from low to
/// high addresses.
///
/// `Bits` says how many frames there can be: [`BitAlloc16M`] is good for 64 GiB and takes 2 MiB, so that the value
/// belongs in a static.
pub struct Frames<Bits> {
    free: Bits,
    blocks: Blocks,
    end: u64,
    total: u64,
    available: u64,
}

impl<Bits: BitAlloc> Frames<Bits> {
    /// Physical addresses below this one can be managed, in bytes.
    pub const MAX_MEMORY: u64 = Bits::CAP as u64 * FRAME_BYTES;

    /// An allocator without a frame.
    #[expect(clippy::new_without_default, reason = "a value of this size should not come about by accident")]
    pub const fn new() -> Self {
        Self { free: Bits::DEFAULT, blocks: Blocks::new(), end: 0, total: 0, available: 0 }
    }

    /// Adds the whole frames in `memory` (physical addresses in bytes), which have not been added before. What lies
    /// at or above [`Self::MAX_MEMORY`] is left out.
    pub fn add(&mut self, memory: Range<u64>) {
        let frames = memory.start.div_ceil(FRAME_BYTES)..memory.end.min(Self::MAX_MEMORY) / FRAME_BYTES;
        if !frames.is_empty() {
            self.end = self.end.max(frames.end);
            self.total += frames.end - frames.start;
            self.put(frames);
        }
    }

    /// Takes the first run of free frames, at most `at_most` of them.
    pub fn take(&mut self, at_most: u32) -> Option<Range<u64>> {
        let run = self.free_run(0, u64::from(at_most))?;
        Some(self.remove(run))
    }

    /// Takes the first neighbouring frames that have room for `layout`. `None` when there are none, or when
    /// `layout` has no size.
    pub fn take_layout(&mut self, layout: Layout) -> Option<Range<u64>> {
        let count = layout.size().div_ceil(FRAME_BYTES as usize);
        let alignment = layout.align().div_ceil(FRAME_BYTES as usize).ilog2() as usize;
        if count == 0 {
            return None;
        }
        // The call takes the frames, so that only the count is left to adjust.
        let first = self.free.alloc_contiguous(None, count, alignment)? as u64;
        let run = first..first + count as u64;
        self.blocks.take(&run);
        self.available -= count as u64;
        Some(run)
    }

    /// Takes a block of `frames` neighbours, the first of which has a number that is a multiple of `frames`. `None` when
    /// there is none, or `frames` is not a multiple of [`BLOCK_FRAMES`](crate::BLOCK_FRAMES).
    pub fn take_block(&mut self, frames: u64, wanted: Optional) -> Option<Range<u64>> {
        let run = self.blocks.find(frames, wanted, self.end)?;
        Some(self.remove(run))
    }

    /// Gives a run of frames back, in whatever pieces it was taken.
    ///
    /// # Panics
    ///
    /// When the first frame of the run is free, or the run does not lie below [`Self::MAX_MEMORY`]: a bug of the
    /// kernel, which would use memory twice.
    pub fn put(&mut self, run: Range<u64>) {
        if run.is_empty() {
            return;
        }
        assert!(run.end <= Self::MAX_MEMORY / FRAME_BYTES, "frames {run:?} given back, but no such memory");
        assert!(!self.free.test(run.start as usize), "frames {run:?} given back twice");
        self.available += run.end - run.start;
        self.blocks.put(&run);
        self.free.insert(run.start as usize..run.end as usize);
    }

    /// Gives a block back that the host was told of, which is noted until a frame of it is taken.
    ///
    /// # Panics
    ///
    /// As for [`Self::put`].
    pub fn put_reported(&mut self, run: Range<u64>) {
        self.put(run.clone());
        self.blocks.report(&run);
    }

    /// Forgets what the host was told: free frames were written to.
    pub fn forget_reports(&mut self) {
        self.blocks.forget_reports();
    }

    /// Whether there may be new blocks to report since the last time that this was asked.
    pub fn has_news(&mut self) -> bool {
        self.blocks.is_fresh()
    }

    /// Counts so many frames as part of the machine's memory no longer, or again.
    pub fn resize(&mut self, change: i64) {
        self.total = self.total.saturating_add_signed(change);
    }

    /// The runs of free frames, from low to high addresses.
    pub fn free_runs(&self) -> impl Iterator<Item = Range<u64>> {
        let mut next = 0;
        core::iter::from_fn(move || {
            let run = self.free_run(next, u64::MAX)?;
            next = run.end;
            Some(run)
        })
    }

    /// The number that follows that of the highest frame that has been added.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// How many frames the kernel has, free or not: those that have been added, as [resized](Self::resize).
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many frames are free.
    pub const fn available(&self) -> u64 {
        self.available
    }

    /// The first run at or above frame number `from`, cut off after `at_most` frames.
    fn free_run(&self, from: u64, at_most: u64) -> Option<Range<u64>> {
        let capacity = Bits::CAP as u64;
        if from >= capacity || at_most == 0 {
            return None;
        }
        let start = self.free.next(from as usize)? as u64;
        let limit = start.saturating_add(at_most).min(capacity);
        let mut end = start + 1;
        while end < limit {
            let block = end / BLOCK_FRAMES * BLOCK_FRAMES;
            let next = block + BLOCK_FRAMES;
            // Where none of its frames before `start` is free, a block that has as many as there are from there on has all
            // of these, and nobody needs to look at them one by one.
            if from <= block && self.blocks.free(block / BLOCK_FRAMES) == next - block.max(start) {
                end = next;
            } else if self.free.test(end as usize) {
                end += 1;
            } else {
                break;
            }
        }
        Some(start..end.min(limit))
    }

    fn remove(&mut self, run: Range<u64>) -> Range<u64> {
        self.free.remove(run.start as usize..run.end as usize);
        self.blocks.take(&run);
        self.available -= run.end - run.start;
        run
    }
}

impl<Bits> core::fmt::Debug for Frames<Bits> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Frames").field("total", &self.total).field("available", &self.available).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use bitmap_allocator::BitAlloc4K;

    use super::*;

    /// Up to 16 MiB.
    type Frames = super::Frames<BitAlloc4K>;
    const MAX_MEMORY: u64 = Frames::MAX_MEMORY;

    const MIB: u64 = 1 << 20;

    /// Frames 256..512 and 768..1024.
    fn two_regions() -> Frames {
        let mut frames = Frames::new();
        frames.add(MIB..2 * MIB);
        frames.add(3 * MIB..4 * MIB);
        frames
    }

    #[test]
    fn only_whole_frames_are_added() {
        let mut frames = Frames::new();
        frames.add(0x1800..0x4fff);
        frames.add(0x8800..0x8900);
        frames.add(0x9000..0xb000);
        assert_eq!(frames.free_runs().collect::<Vec<_>>(), [2..4, 9..11]);
        assert_eq!((frames.total(), frames.available(), frames.end()), (4, 4, 11));
    }

    #[test]
    fn memory_above_the_limit_is_left_out() {
        let mut frames = Frames::new();
        frames.add(MAX_MEMORY - FRAME_BYTES..MAX_MEMORY + MIB);
        frames.add(MAX_MEMORY + MIB..MAX_MEMORY + 2 * MIB);
        assert_eq!(frames.total(), 1);
        assert_eq!(frames.take(2), Some(MAX_MEMORY / FRAME_BYTES - 1..MAX_MEMORY / FRAME_BYTES));
        assert_eq!(frames.take(2), None);
    }

    #[test]
    fn runs_come_in_address_order_and_never_cross_a_hole() {
        let mut frames = two_regions();
        assert_eq!(frames.take(200), Some(256..456));
        assert_eq!(frames.take(200), Some(456..512));
        assert_eq!(frames.take(u32::MAX), Some(768..1024));
        assert_eq!(frames.take(1), None);
        assert_eq!((frames.total(), frames.available()), (512, 0));
    }

    #[test]
    fn a_run_may_come_back_in_pieces_and_joins_again() {
        let mut frames = two_regions();
        let run = frames.take(256).unwrap();
        for frame in run.clone().rev() {
            frames.put(frame..frame + 1);
        }
        assert_eq!(frames.available(), 512);
        assert_eq!(frames.take(256), Some(run));
    }

    #[test]
    fn runs_end_at_a_frame_in_use_wherever_it_is() {
        for used in [1, 2, 255, 510, 511, 512, 513, 1023, 1024, 1025, 2046] {
            let mut frames = Frames::new();
            frames.add(0..8 * MIB);
            assert_eq!(frames.take(u32::MAX), Some(0..2048));
            frames.put(0..used);
            frames.put(used + 1..2048);
            assert_eq!(frames.free_runs().collect::<Vec<_>>(), [0..used, used + 1..2048]);
            for from in [0, 1, used / 2, used] {
                let first = if from == used { used + 1..2048 } else { from..used };
                assert_eq!(frames.free_run(from, u64::MAX), Some(first.clone()), "from {from} with {used} in use");
                assert_eq!(frames.free_run(from, 1), Some(first.start..first.start + 1));
            }
        }
    }

    #[test]
    fn no_frames_are_no_run() {
        let mut frames = two_regions();
        assert_eq!(frames.take(0), None);
        frames.put(300..300);
        assert_eq!(frames.available(), 512);
    }

    #[test]
    fn a_layout_is_aligned_and_rounded_up_to_frames() {
        let mut frames = two_regions();
        assert_eq!(frames.take(1), Some(256..257));
        let layout = |bytes, align| Layout::from_size_align(bytes, align).unwrap();
        assert_eq!(frames.take_layout(layout(1, 16)), Some(257..258));
        assert_eq!(frames.take_layout(layout(5000, 0x10000)), Some(272..274));
        assert_eq!(frames.take_layout(layout(MIB as usize, 8)), Some(768..1024));
        assert_eq!(frames.take_layout(layout(MIB as usize, 8)), None);
        assert_eq!(frames.take_layout(layout(0, 8)), None);
        assert_eq!(frames.available(), 512 - 1 - 1 - 2 - 256);
    }

    #[test]
    fn a_block_is_taken_whole_and_comes_back_reported() {
        let mut frames = Frames::new();
        frames.add(MIB..8 * MIB);
        let block = frames.take_block(512, Optional::Unreported).unwrap();
        assert_eq!((block.clone(), frames.available()), (512..1024, 5 * 256));
        frames.put_reported(block);
        assert_eq!(frames.take_block(1024, Optional::Unreported), Some(1024..2048));
        assert_eq!(frames.take_block(512, Optional::Unreported), None);
        assert_eq!(frames.take_block(512, Optional::Free), Some(512..1024));
        assert_eq!(frames.take(u32::MAX), Some(256..512));
    }

    #[test]
    fn frames_of_every_way_out_are_missing_in_their_block() {
        let mut frames = Frames::new();
        frames.add(0..6 * MIB);
        let run = frames.take(1).unwrap();
        let layout = frames.take_layout(Layout::from_size_align(1, 4 << 20).unwrap()).unwrap();
        assert_eq!((run, layout.clone()), (0..1, 1024..1025));
        assert_eq!(frames.take_block(512, Optional::Free), Some(512..1024));
        assert_eq!(frames.take_block(512, Optional::Free), None);
        frames.put(layout);
        assert_eq!(frames.take_block(512, Optional::Free), Some(1024..1536));
    }

    #[test]
    #[should_panic(expected = "given back twice")]
    fn giving_a_frame_back_twice_is_found_out() {
        let mut frames = two_regions();
        let run = frames.take(4).unwrap();
        frames.put(run.clone());
        frames.put(run);
    }
}
