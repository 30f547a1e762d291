//! The layout of the private memory of a balloon: its parts, and then the bitmaps.

use core::ops::Range;

use crate::error::NewError;
use crate::features::feature::{BlockInflation, FreePageHint, PageReporting};
use crate::features::{SizeOf, Types, is_declared};
use crate::frames::{BlockBitmap, FrameBitmap, HeldBlocks};
use crate::memory::PrivateSlot;
use crate::options::{Options, block_frames};
use crate::platform::Frames;
use crate::units::usable_frames;

/// How private memory is divided after the parts.
pub(crate) struct Layout {
    pub(crate) range: Range<u64>,
    /// Frames in a block that is reported, and in one that is hinted.
    pub(crate) report_frames: u32,
    pub(crate) hint_frames: u32,
    frame_words: usize,
    report_words: usize,
    hint_words: usize,
    /// Words of all bitmaps together.
    words: usize,
}

impl Layout {
    pub(crate) fn of<C: Types>(platform: &C::Platform, options: &Options<C::Features>) -> Result<Self, NewError> {
        let range = platform.range();
        let too_large = NewError::RangeTooLarge { frames: range.end.saturating_sub(range.start) };
        let report_frames = block_frames::<SizeOf<C>>(options.report_block);
        let hint_frames = block_frames::<SizeOf<C>>(options.hint_block);
        let words_of_blocks = |is_declared: bool, frames: u32| match is_declared {
            true => BlockBitmap::words(&range, frames).ok_or(too_large),
            false => Ok(0),
        };
        let frame_words = FrameBitmap::words(&range).ok_or(too_large)?;
        let report_words = words_of_blocks(is_declared::<C::Features, PageReporting>(), report_frames)?;
        let hint_words = words_of_blocks(is_declared::<C::Features, FreePageHint>(), hint_frames)?;
        let held_words = match is_declared::<C::Features, BlockInflation>() {
            true => HeldBlocks::words(&range, report_frames).ok_or(too_large)?,
            false => 0,
        };
        let words = frame_words.checked_add(report_words).and_then(|words| words.checked_add(hint_words));
        let words = words.and_then(|words| words.checked_add(held_words));
        let words = words.ok_or(too_large)?;
        Ok(Self { range, report_frames, hint_frames, frame_words, report_words, hint_words, words })
    }

    /// Divides the words after the parts into those of the frame bitmap, of reporting, of hinting and of block inflation.
    pub(crate) fn divide(&self, words: &'static mut [u64]) -> [&'static mut [u64]; 4] {
        let (frames, words) = words.split_at_mut(self.frame_words.min(words.len()));
        let (report, words) = words.split_at_mut(self.report_words.min(words.len()));
        let (hint, held) = words.split_at_mut(self.hint_words.min(words.len()));
        [frames, report, hint, held]
    }

    /// Creates the sets of block inflation in their words, where it is declared.
    #[inline]
    pub(crate) fn held<C: Types>(&self, words: &'static mut [u64]) -> HeldBlocks {
        match is_declared::<C::Features, BlockInflation>() {
            true => HeldBlocks::new(words, &self.range, self.report_frames),
            false => HeldBlocks::NONE,
        }
    }
}

/// Allocates the memory of a balloon: the slot of its parts of type `X`, and the words of its bitmaps. Passes the frames to the kernel
/// that the bitmaps have bits for.
pub(crate) fn allocate<X, P: Frames>(
    layout: &Layout,
    platform: &mut P,
) -> Result<(PrivateSlot<X>, &'static mut [u64]), NewError> {
    let Some(words) = PrivateSlot::<X>::words(layout.words) else {
        return Err(NewError::RangeTooLarge { frames: layout.range.end.saturating_sub(layout.range.start) });
    };
    let memory = platform.allocate_private(words).ok_or(NewError::NoPrivateMemory { words })?;
    let memory = if memory.len() < words { Err(memory) } else { PrivateSlot::divide(memory) };
    match memory {
        Ok(divided) => {
            platform.set_usable(usable_frames::<P::Size>(layout.range.clone()));
            Ok(divided)
        }
        Err(memory) => {
            // SAFETY: the platform has just allocated it, and nothing else uses it.
            unsafe { platform.deallocate_private(memory.into()) };
            Err(NewError::NoPrivateMemory { words })
        }
    }
}
