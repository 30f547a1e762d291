//! The blocks of block inflation: ballooned memory that was reported instead of inflated.
//!
//! Two contexts share them, like a [`BlockBitmap`]: the balloon itself, and the owner of the reporting queue, which acknowledges
//! blocks.
//!
//! A held block is in one of three states, in this order:
//!
//! 1. *In flight*: the device has it.
//! 2. *Claimed*: it is in no other set. One context has claimed it and unmaps it. It stays claimed if the kernel panics there.
//! 3. *Idle*: it is unmapped, and the balloon may release it.
//!
//! If the balloon ends while a block is claimed, the context that claimed it returns its frames to the kernel.

use core::ops::Range;
use core::ptr;
use core::sync::atomic::Ordering;

use super::blocks::{BlockBitmap, BlockRun};
use crate::sync::AtomicU32;

/// Stands in where private memory has no room for the number of blocks in flight. No block can be added then.
static NO_BLOCKS: AtomicU32 = AtomicU32::new(0);

/// Held blocks and their states. Copies share the same blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldBlocks {
    /// All held blocks. Only the balloon itself changes them.
    held: BlockBitmap,
    /// Held blocks that the device has. A context claims a block by clearing it here.
    in_flight: BlockBitmap,
    /// Held blocks that are unmapped. Also blocks that were claimed when the balloon ended.
    idle: BlockBitmap,
    /// Number of blocks that are in flight or claimed.
    unacknowledged: &'static AtomicU32,
}

impl HeldBlocks {
    /// Sets without room for blocks.
    pub(crate) const NONE: Self = Self {
        held: BlockBitmap::NONE,
        in_flight: BlockBitmap::NONE,
        idle: BlockBitmap::NONE,
        unacknowledged: &NO_BLOCKS,
    };

    /// Returns the number of 64-bit words that the blocks of a range need.
    pub(crate) fn words(range: &Range<u64>, frames: u32) -> Option<usize> {
        BlockBitmap::words(range, frames)?.checked_mul(3)?.checked_add(1)
    }

    /// Creates empty sets in `words` for blocks of `frames` frames, a power of two. Blocks for which there are too few words cannot
    /// be added.
    pub(crate) fn new(words: &'static mut [u64], range: &Range<u64>, frames: u32) -> Self {
        let (unacknowledged, words) = match words.split_first_mut() {
            Some((number, words)) => {
                *number = 0;
                // SAFETY:
                // * The word is borrowed exclusively for the rest of the program.
                // * An atomic of 32 bits has the layout of a `u32`, which fits into the word, with no stricter alignment.
                (unsafe { &*ptr::from_mut(number).cast::<AtomicU32>() }, words)
            }
            None => (&NO_BLOCKS, Default::default()),
        };
        let third = words.len() / 3;
        let (held, words) = words.split_at_mut_checked(third).unwrap_or_default();
        let (in_flight, idle) = words.split_at_mut_checked(third).unwrap_or_default();
        let [held, in_flight, idle] = [held, in_flight, idle].map(|words| BlockBitmap::new(words, range, frames));
        Self { held, in_flight, idle, unacknowledged }
    }

    /// Removes all blocks, for another device. No other context uses them.
    #[inline(never)]
    pub(crate) fn clear(&self) {
        [self.held, self.in_flight, self.idle].iter().for_each(BlockBitmap::clear_all);
        // After a panic, the blocks that stay claimed are counted here.
        self.unacknowledged.store(0, Ordering::Relaxed);
    }

    /// Returns the number of frames in a block.
    pub(crate) const fn frames(&self) -> u32 {
        self.held.frames()
    }

    /// Returns the number of the first frame of a block.
    pub(crate) fn first_frame(&self, block: u32) -> u64 {
        self.held.first_frame(block)
    }

    /// Returns the number of the block that a frame is in.
    pub(crate) fn block_of(&self, frame: u64) -> Option<u32> {
        self.held.block_of(frame)
    }

    /// Returns whether a block is held.
    pub(crate) fn contains(&self, block: u32) -> bool {
        self.held.contains(block)
    }

    /// Returns whether a block is unmapped.
    pub(crate) fn is_idle(&self, block: u32) -> bool {
        self.idle.contains(block)
    }

    /// Adds blocks whose report is about to be sent: all of them, or none. Returns whether they were added.
    pub(crate) fn add(&self, run: BlockRun) -> bool {
        let added = run.blocks().take_while(|&block| self.add_block(block)).count() as u32;
        if added < run.count {
            self.discard(BlockRun { count: added, ..run });
        }
        added == run.count
    }

    fn add_block(&self, block: u32) -> bool {
        if !self.held.set(block) {
            return false;
        }
        self.unacknowledged.fetch_add(1, Ordering::Relaxed);
        // It was not in flight: only held blocks are.
        self.in_flight.set(block);
        true
    }

    /// Claims a block that the device no longer has, and lets `unmap` make it unreachable for the device. It does nothing if another
    /// context was first. Returns whether the balloon has ended in the meantime: the caller then returns the block's frames.
    #[must_use = "the frames of the block may have to go back to the kernel"]
    pub(crate) fn acknowledge(&self, block: u32, unmap: impl FnOnce()) -> bool {
        if !self.in_flight.clear(block) {
            return false;
        }
        unmap();
        // Release: the block is unmapped before the balloon counts it. It is idle only after that, so that the balloon, which reads in
        // the other order, releases no block that it did not count.
        self.unacknowledged.fetch_sub(1, Ordering::Release);
        let has_ended = !self.idle.set(block);
        if has_ended {
            self.idle.clear(block);
        }
        has_ended
    }

    /// Removes a held block that is in flight, because the device was reset. Returns whether it was: the caller then unmaps it.
    pub(crate) fn take(&self, block: u32) -> bool {
        let is_in_flight = self.in_flight.clear(block);
        if is_in_flight {
            self.held.clear(block);
            self.unacknowledged.fetch_sub(1, Ordering::Relaxed);
        }
        is_in_flight
    }

    /// Removes a held block that is not in flight, because the device was reset. Returns whether the block is idle: otherwise it is
    /// claimed, and the context that claimed it returns its frames.
    pub(crate) fn end(&self, block: u32) -> bool {
        let is_idle = !self.idle.set(block);
        if is_idle {
            self.idle.clear(block);
        }
        self.held.clear(block);
        is_idle
    }

    /// Returns the first held block at or after `from`.
    pub(crate) fn next_held(&self, from: u32) -> Option<u32> {
        self.held.find(from, &mut u32::MAX.clone())
    }

    /// Returns the number of blocks that are in flight or claimed.
    pub(crate) fn unacknowledged(&self) -> u32 {
        self.unacknowledged.load(Ordering::Acquire)
    }

    /// Returns the first idle block at or after `from`. It is not among the [unacknowledged](Self::unacknowledged) ones that are
    /// counted after this call.
    pub(crate) fn next_idle(&self, from: u32) -> Option<u32> {
        self.idle.find(from, &mut u32::MAX.clone())
    }

    /// Removes an idle block.
    pub(crate) fn remove(&self, block: u32) {
        self.idle.clear(block);
        self.held.clear(block);
    }

    /// Removes blocks that were added, and that the device did not get.
    pub(crate) fn discard(&self, run: BlockRun) {
        for block in run.blocks() {
            // The balloon itself does this, so it has not ended.
            let _ = self.acknowledge(block, || ());
            self.remove(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use super::*;

    fn one(block: u32) -> BlockRun {
        BlockRun { first: block, count: 1 }
    }

    fn blocks(range: Range<u64>, frames: u32) -> HeldBlocks {
        let words = vec![u64::MAX; HeldBlocks::words(&range, frames).unwrap()];
        HeldBlocks::new(Box::leak(words.into_boxed_slice()), &range, frames)
    }

    #[test]
    fn a_block_is_idle_after_its_acknowledgement_which_counts_once() {
        let blocks = blocks(0..512 * 100, 512);
        assert!(blocks.add(one(70)));
        assert!(!blocks.add(one(70)));
        assert!(blocks.add(one(3)));
        assert_eq!((blocks.unacknowledged(), blocks.next_idle(0)), (2, None));
        let mut unmapped = 0;
        assert!(!blocks.acknowledge(70, || unmapped += 1));
        assert!(!blocks.acknowledge(70, || unmapped += 1));
        assert_eq!((unmapped, blocks.unacknowledged(), blocks.next_idle(0)), (1, 1, Some(70)));
        assert_eq!((blocks.next_held(0), blocks.next_held(4), blocks.next_held(71)), (Some(3), Some(70), None));
        assert_eq!((blocks.is_idle(3), blocks.is_idle(70)), (false, true));
        blocks.remove(70);
        assert_eq!((blocks.next_idle(0), blocks.contains(70), blocks.contains(3)), (None, false, true));
    }

    /// Another context may look at any time while a block is unmapped.
    #[test]
    fn a_block_is_neither_idle_nor_counted_before_it_is_unmapped() {
        let blocks = blocks(0..512 * 100, 512);
        assert!(blocks.add(one(3)));
        let has_ended = blocks.acknowledge(3, || {
            assert_eq!((blocks.next_idle(0), blocks.is_idle(3), blocks.unacknowledged()), (None, false, 1));
            assert!(blocks.contains(3));
        });
        assert!(!has_ended);
        assert_eq!((blocks.next_idle(0), blocks.unacknowledged()), (Some(3), 0));
    }

    #[test]
    fn either_the_balloon_or_the_context_that_claimed_a_block_returns_it() {
        let blocks = blocks(0..512 * 100, 512);
        for block in [3, 4, 5] {
            assert!(blocks.add(one(block)));
        }
        assert!(!blocks.acknowledge(3, || ()));
        assert!(blocks.end(3), "it is idle");
        let has_ended = blocks.acknowledge(4, || assert!(!blocks.end(4), "it is claimed"));
        assert!(has_ended);
        let panics = || blocks.acknowledge(5, || std::panic::resume_unwind(Box::new(())));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert_eq!((blocks.next_idle(0), blocks.next_held(0), blocks.unacknowledged()), (None, Some(5), 1));
        assert!(!blocks.end(5), "it stays claimed");
        blocks.clear();
        assert_eq!((blocks.next_idle(0), blocks.next_held(0), blocks.unacknowledged()), (None, None, 0));
        assert!(blocks.add(one(5)) && !blocks.acknowledge(5, || ()) && blocks.end(5));
    }

    #[test]
    fn a_run_of_blocks_is_added_whole_or_not_at_all() {
        let blocks = blocks(0..512 * 100, 512);
        assert!(blocks.add(BlockRun { first: 30, count: 4 }));
        assert!((30..34).all(|block| blocks.contains(block)));
        for (first, count) in [(28, 3), (33, 2), (98, 3), (u32::MAX, 2)] {
            assert!(!blocks.add(BlockRun { first, count }), "{first}+{count}");
        }
        assert_eq!((blocks.unacknowledged(), blocks.next_idle(0)), (4, None));
        assert_eq!((blocks.next_held(0), blocks.next_held(34)), (Some(30), None));
        blocks.discard(BlockRun { first: 31, count: 2 });
        assert_eq!((blocks.unacknowledged(), blocks.next_idle(0), blocks.next_held(31)), (2, None, Some(33)));
    }

    #[test]
    fn blocks_outside_the_range_or_without_words_are_rejected() {
        let blocks = blocks(512 * 10..512 * 20, 512);
        assert_eq!((blocks.block_of(512 * 10 - 1), blocks.block_of(512 * 20)), (None, None));
        assert_eq!((blocks.block_of(512 * 20 - 1), blocks.first_frame(9)), (Some(9), 512 * 19));
        assert!(!blocks.add(one(10)));
        let none = HeldBlocks::new(Default::default(), &(0..512), 512);
        assert!(!none.add(one(0)));
        assert_eq!(none.unacknowledged(), 0);
    }
}
