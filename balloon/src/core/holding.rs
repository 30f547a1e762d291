//! The state of block inflation, and the search for frames that are not in held blocks.

use aerostat_transport::Addressing;

use crate::error::BlockFallback;
use crate::frames::{Cursor, Found, FrameBitmap, HeldBlocks};

/// The state of block inflation.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(super) blocks: HeldBlocks,
    pub(super) addressing: Addressing,
    /// Number of the reporting queue on the device.
    pub(super) queue: Option<u16>,
    /// Why blocks cannot be used with this device.
    pub(super) fallback: Option<BlockFallback>,
    /// Held blocks.
    pub(super) count: u32,
    /// No block below this one is held.
    pub(super) lowest: u32,
    /// Blocks in flight when the balloon looked last.
    pub(super) in_flight: u32,
    /// The kernel had no more whole blocks, since the balloon was last on its target or paused.
    pub(super) is_exhausted: bool,
}

impl Holding {
    /// Creates the state of a balloon that is not probed.
    pub(crate) const fn new(blocks: HeldBlocks) -> Self {
        Self {
            blocks,
            addressing: Addressing::Physical,
            queue: None,
            fallback: Some(BlockFallback::NotLive),
            count: 0,
            lowest: 0,
            in_flight: 0,
            is_exhausted: false,
        }
    }

    /// Returns the number of frames in all held blocks.
    pub(super) fn frames(&self) -> u64 {
        u64::from(self.count) * u64::from(self.blocks.frames())
    }

    /// Removes an idle block.
    pub(super) fn remove(&mut self, block: u32) {
        self.blocks.remove(block);
        self.count = self.count.saturating_sub(1);
    }

    /// Returns `None` if no blocks are held.
    #[inline(always)]
    pub(super) fn with_blocks(holding: Option<&Self>) -> Option<&Self> {
        holding.filter(|holding| holding.count > 0)
    }
}

/// A search for frames that leave the balloon through arrays. The loops over all frames are compiled for each search, because a check
/// in them would cost time.
pub(super) trait Search: Copy {
    /// Moves the cursor past the next frames, at most `max`, and returns them.
    fn advance(self, bitmap: &mut FrameBitmap, cursor: &mut Cursor, max: u32) -> Option<Found>;
}

/// A search for all frames of the bitmap, for a balloon that holds no blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct AllFrames;

impl Search for AllFrames {
    #[inline(always)]
    fn advance(self, bitmap: &mut FrameBitmap, cursor: &mut Cursor, max: u32) -> Option<Found> {
        bitmap.advance_words(cursor, max)
    }
}

/// A search for the frames of the bitmap that are not in held blocks.
impl Search for &Holding {
    #[inline(never)]
    fn advance(self, bitmap: &mut FrameBitmap, cursor: &mut Cursor, max: u32) -> Option<Found> {
        loop {
            let bits = bitmap.advance(cursor, max)?;
            let Some(block) = self.blocks.block_of(bits.first()) else { return Some(Found::Bits(bits)) };
            let end = self.blocks.first_frame(block).saturating_add(self.blocks.frames().into());
            if self.blocks.contains(block) {
                *cursor = bitmap.cursor(end);
            } else if bits.end() <= end {
                return Some(Found::Bits(bits));
            } else {
                // The next block may be held.
                *cursor = bitmap.cursor(end);
                return Some(Found::Bits(bits.before(end)));
            }
        }
    }
}
