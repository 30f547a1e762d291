//! Frames that leave the balloon: from the bitmap into arrays for the device, and back to the kernel.

use core::mem::take;

use aerostat_transport::queue::Writer;

use super::holding::{AllFrames, Holding, Search};
use super::state::{Core, Filled, Supply};
use crate::error::BalloonError;
use crate::features::feature::BlockInflation;
use crate::features::{Platform, SizeOf, Types, declared};
use crate::frames::{Found, FrameBitmap, Returning, Run, RunMerger, WordBits};
use crate::platform::{Frames, ManagedChange};
use crate::queues::ArrayContents;
use crate::units::FrameSize;

/// When frames that leave the balloon go back to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseWhen {
    /// When the device has acknowledged the array that names them.
    Acknowledged,
    /// Before the device is notified.
    Early,
}

/// What an array names.
#[derive(Clone, Copy, Debug)]
struct Named {
    /// The first frame.
    first: Option<u64>,
    frames: u32,
    /// Whether the bitmap had enough frames for the array.
    supply: Supply,
}

impl<C: Types> Core<C> {
    /// Returns held blocks to the kernel, and names the rest of up to `frames` frames of the balloon in arrays for the device, while
    /// arrays are free.
    pub(crate) fn deflate_by(&mut self, frames: u32, when: ReleaseWhen) -> Filled {
        let released = self.release_blocks(frames, false);
        let mut total = Filled { frames: released, supply: Supply::More };
        if self.counters.migrating > 0 {
            // The search would find the frame that is being migrated, and name it twice.
            return Filled { frames: released, supply: Supply::Exhausted };
        }
        while total.frames < frames && total.supply == Supply::More && self.deflate.has_room(self.options.max_in_flight)
        {
            let Some(array) = self.send_deflate_array(frames - total.frames, when) else { break };
            total.frames += array.frames;
            total.supply = array.supply;
        }
        if total.frames > released {
            self.deflate.notify();
        }
        total
    }

    /// Sends one array that names up to `frames` frames. Returns what it names, or `None` if it was not sent.
    fn send_deflate_array(&mut self, frames: u32, when: ReleaseWhen) -> Option<Filled> {
        let mut named = Named { first: None, frames: 0, supply: Supply::More };
        let Self { deflate, bitmap, counters, holding, .. } = self;
        let holding = Holding::with_blocks(declared::<C::Features, BlockInflation, _>(holding));
        let sent = deflate.send(|entries| {
            let max = Self::array_frames(entries).min(frames);
            // Frames before the cursor may be in arrays that the device has: then the search does not start again.
            let may_wrap = counters.deflating == 0;
            let position = &mut counters.cursor;
            named = match holding {
                None => name_frames::<C>(entries, bitmap, AllFrames, position, max, may_wrap),
                Some(holding) => name_frames::<C>(entries, bitmap, holding, position, max, may_wrap),
            };
        });
        let (Ok(Some(token)), Some(first)) = (sent, named.first) else { return None };
        let frames = named.frames;
        match when {
            ReleaseWhen::Acknowledged => {
                counters.deflating += u64::from(frames);
                deflate.note(token, ArrayContents::Deflating { first, frames });
            }
            ReleaseWhen::Early => {
                deflate.note(token, ArrayContents::Released(frames));
                self.return_frames(first, frames);
            }
        }
        Some(Filled { frames, supply: named.supply })
    }

    /// Names one frame of the balloon, which is migrated, in an array for the device.
    ///
    /// # Errors
    ///
    /// [`BalloonError::NotInBalloon`], or [`BalloonError::Busy`] if no array is free.
    pub(crate) fn deflate_one(&mut self, frame: u64) -> Result<(), BalloonError> {
        if !self.bitmap.contains(frame) {
            return Err(BalloonError::NotInBalloon { frame });
        }
        self.break_block(frame);
        let sent = self.deflate.send(|array| {
            array.sequence(page::<SizeOf<C>>(frame), Self::FRAME_ENTRIES);
        });
        let Ok(Some(token)) = sent else { return Err(BalloonError::Busy) };
        self.deflate.note(token, ArrayContents::Migrating(frame));
        self.counters.deflating += 1;
        self.counters.migrating += 1;
        self.deflate.notify();
        Ok(())
    }

    /// Returns the first `max` frames of the bitmap at or after `first` to the kernel. Returns how many there were.
    pub(crate) fn return_frames(&mut self, first: u64, max: u32) -> u32 {
        let Self { bitmap, platform, poison, holding, .. } = self;
        let returned = match Holding::with_blocks(declared::<C::Features, BlockInflation, _>(holding)) {
            None => return_found::<C>(platform, *poison, bitmap, AllFrames, first, max),
            Some(holding) => return_found_once::<C>(platform, *poison, bitmap, holding, first, max),
        };
        if returned > 0 {
            self.adjust_managed(ManagedChange::Added(returned));
        }
        returned
    }
}

/// Does what [`Core::return_frames`] does, except for the kernel's count of its memory.
#[inline]
fn return_found<C: Types>(
    platform: &mut C::Platform,
    poison: Option<u32>,
    bitmap: &mut FrameBitmap,
    search: impl Search,
    first: u64,
    max: u32,
) -> u32 {
    let (mut cursor, mut left, mut merger) = (bitmap.cursor(first), max, RunMerger::default());
    let mut returning = Returning::new(bitmap);
    while left > 0
        && let Some(found) = returning.clear_next(merger, |bitmap| search.advance(bitmap, &mut cursor, left))
    {
        left -= found.count();
        let bits = match found {
            Found::Bits(bits) => bits,
            Found::Words(run) => {
                if let Some(run) = merger.push(run) {
                    return_run_once::<C>(platform, poison, &mut returning, run);
                }
                continue;
            }
        };
        for run in bits.runs() {
            if let Some(run) = merger.push(run) {
                return_run::<C>(platform, poison, &mut returning, run);
            }
        }
    }
    if let Some(run) = merger.finish() {
        return_run_once::<C>(platform, poison, &mut returning, run);
    }
    returning.finish();
    max - left
}

/// Does what [`return_found`] does. It is not inlined, so that the search without blocks keeps its registers.
#[inline(never)]
fn return_found_once<C: Types>(
    platform: &mut C::Platform,
    poison: Option<u32>,
    bitmap: &mut FrameBitmap,
    search: impl Search,
    first: u64,
    max: u32,
) -> u32 {
    return_found::<C>(platform, poison, bitmap, search, first, max)
}

/// Writes the page numbers of up to `max` frames from the cursor on, and moves the cursor. At the end of the bitmap the
/// search starts again from the front if it may and the array is still empty.
fn name_frames<C: Types>(
    entries: &mut Writer<'_>,
    bitmap: &mut FrameBitmap,
    search: impl Search,
    position: &mut u64,
    max: u32,
    may_wrap: bool,
) -> Named {
    let mut named = Named { first: None, frames: 0, supply: Supply::More };
    let (mut cursor, mut merger) = (bitmap.cursor(*position), RunMerger::default());
    while named.frames < max {
        let Some(found) = search.advance(bitmap, &mut cursor, max - named.frames) else {
            if *position == 0 || !may_wrap || named.frames > 0 {
                named.supply = Supply::Exhausted;
                break;
            }
            *position = 0;
            cursor = bitmap.cursor(0);
            continue;
        };
        *position = found.end();
        named.first.get_or_insert(found.first());
        named.frames += found.count();
        match found {
            Found::Bits(bits) => write_pages::<SizeOf<C>>(entries, &mut merger, bits),
            Found::Words(run) => push_run::<SizeOf<C>>(entries, &mut merger, run),
        }
    }
    if let Some(run) = merger.finish() {
        write_run::<SizeOf<C>>(entries, run);
    }
    named
}

/// Writes the page numbers of frames of the bitmap to an array, in order. A run may continue in the next word of the bitmap, so the
/// last one stays in `merger`.
// In the loop over all frames.
#[inline(always)]
fn write_pages<S: FrameSize>(entries: &mut Writer<'_>, merger: &mut RunMerger, bits: WordBits) {
    match bits.run() {
        Some(run) => push_run::<S>(entries, merger, run),
        None => {
            if let Some(before) = take(merger).finish() {
                write_run::<S>(entries, before);
            }
            entries.groups(bits.frames().map(page::<S>), S::PAGES);
        }
    }
}

/// Writes the run before this one, if this one does not continue it.
#[inline(never)]
fn push_run<S: FrameSize>(entries: &mut Writer<'_>, merger: &mut RunMerger, run: Run) {
    if let Some(before) = merger.push(run) {
        write_run::<S>(entries, before);
    }
}

/// Writes the page numbers of a run of frames.
#[inline]
fn write_run<S: FrameSize>(entries: &mut Writer<'_>, run: Run) {
    entries.sequence(page::<S>(run.first), run.count * S::PAGES);
}

/// Returns a run that was removed from the bitmap to the kernel. A panic of the kernel loses no frame, except those of a run whose
/// `deallocate` panics.
// In the loop over all frames.
#[inline(always)]
fn return_run<C: Types>(platform: &mut C::Platform, poison: Option<u32>, returning: &mut Returning<'_>, run: Run) {
    fill::<C>(platform, poison, run);
    returning.passed(run);
    platform.deallocate(run.into_frames());
}

/// Does what [`return_run`] does, outside of the loop over all frames.
#[inline(never)]
fn return_run_once<C: Types>(platform: &mut C::Platform, poison: Option<u32>, returning: &mut Returning<'_>, run: Run) {
    return_run::<C>(platform, poison, returning, run);
}

/// Fills a run that is about to go back to the kernel, if the host knows a poison value.
#[inline]
pub(super) fn fill<C: Types>(platform: &mut C::Platform, poison: Option<u32>, run: Run) {
    if let Some(value) = poison {
        Platform::<C::Features>::fill_frames(platform, &run.into_frames(), value);
    }
}

/// Returns the number of the first page of a frame of the bitmap. It has 32 bits, because the frame was added.
// conformance: construct balloon.op.1: the entries of deflate arrays; frames of the bitmap
fn page<S: FrameSize>(frame: u64) -> u32 {
    (frame as u32).wrapping_mul(S::PAGES)
}
