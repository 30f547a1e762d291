//! Frames that enter the balloon: from the kernel's allocator into arrays for the device.

use aerostat_transport::queue::Writer;

use super::state::{Core, Filled, Supply};
use crate::error::FrameError;
use crate::features::{SizeOf, Types};
use crate::frames::{FrameBitmap, Run, SetError};
use crate::platform::{Frames, ManagedChange};
use crate::queues::{ArrayContents, ENTRIES, ENTRY_BYTES};
use crate::units::{FrameRun, FrameSize};

/// What an array took from the kernel.
struct Array {
    filled: Filled,
    /// A frame that the balloon cannot take, and that ended the array.
    rejected: Option<FrameError>,
}

impl<C: Types> Core<C> {
    /// Takes up to `frames` frames from the kernel into arrays for the device, while arrays are free.
    ///
    /// # Errors
    ///
    /// A frame that the balloon cannot take. The frames before it are with the device.
    pub(crate) fn inflate_by(&mut self, frames: u32) -> Result<Filled, FrameError> {
        let mut total = Filled { frames: 0, supply: Supply::More };
        let mut rejected = None;
        while total.frames < frames
            && total.supply == Supply::More
            && rejected.is_none()
            && self.inflate.has_room(self.options.max_in_flight)
        {
            let Some(array) = self.send_inflate_array(frames - total.frames) else { break };
            (total.supply, rejected) = (array.filled.supply, array.rejected);
            if array.filled.frames == 0 {
                break;
            }
            total.frames += array.filled.frames;
        }
        if total.frames > 0 {
            self.inflate.notify();
            #[cfg(feature = "log")]
            if total.supply == Supply::More {
                self.counters.logged_exhausted = false;
            }
        }
        rejected.map_or(Ok(total), Err)
    }

    /// Sends one array with up to `frames` frames from the kernel. Returns `None` if the queue cannot take it.
    #[inline]
    fn send_inflate_array(&mut self, frames: u32) -> Option<Array> {
        let Self { inflate, platform, bitmap, .. } = self;
        let mut array = Array { filled: Filled { frames: 0, supply: Supply::More }, rejected: None };
        let sent = inflate.send(|entries| {
            let max = Self::array_frames(entries).min(frames);
            let mut source =
                FrameSource { platform, bitmap, left: max, run: None, supply: Supply::More, rejected: None };
            while source.left > 0 {
                // Single frames have a loop of their own, because there may be many.
                entries.groups(&mut source, Self::FRAME_ENTRIES);
                let Some((first_page, frames)) = source.take_run() else { break };
                entries.sequence(first_page, frames * Self::FRAME_ENTRIES);
            }
            (array.filled.supply, array.rejected) = (source.supply, source.rejected);
            array.filled.frames = max - source.left;
        });
        if let Some(token) = sent.ok()? {
            inflate.note(token, ArrayContents::Inflating(array.filled.frames));
            self.adjust_managed(ManagedChange::Removed(array.filled.frames));
        }
        Some(array)
    }

    /// Sends a run that the kernel chose to the device.
    ///
    /// # Errors
    ///
    /// The run, or the part of it for which no array was free, and why.
    pub(crate) fn inflate_with(
        &mut self,
        run: FrameRun<SizeOf<C>>,
    ) -> Result<(), (FrameRun<SizeOf<C>>, Option<FrameError>)> {
        let first_page = match add(&mut self.bitmap, &run) {
            Ok(first_page) => first_page,
            Err(error) => return Err((run, Some(error))),
        };
        let unsent = self.send_run(run, first_page);
        self.inflate.notify();
        match unsent {
            Some(run) => {
                self.bitmap.clear_run(Run { first: run.first(), count: run.count() });
                Err((run, None))
            }
            None => Ok(()),
        }
    }

    /// Sends the arrays for a run of the bitmap. Returns the part of the run for which no array was free.
    fn send_run(&mut self, run: FrameRun<SizeOf<C>>, mut first_page: u32) -> Option<FrameRun<SizeOf<C>>> {
        let max = ENTRIES as u32 / Self::FRAME_ENTRIES;
        let mut left = Some(run);
        while let Some(run) = left.take() {
            if !self.inflate.has_room(self.options.max_in_flight) {
                return Some(run);
            }
            let (run, rest) = run.split(max);
            let entries = run.count() * Self::FRAME_ENTRIES;
            let token = self.inflate.send(|array| {
                array.sequence(first_page, entries);
            });
            if let Ok(Some(token)) = token {
                self.inflate.note(token, ArrayContents::Inflating(run.count()));
            }
            self.adjust_managed(ManagedChange::Removed(run.count()));
            first_page = first_page.wrapping_add(entries);
            left = rest;
        }
        None
    }

    /// Returns the number of frames that an array still has entries for, at most those of a whole array.
    pub(super) fn array_frames(entries: &Writer<'_>) -> u32 {
        (entries.room() / ENTRY_BYTES) as u32 / Self::FRAME_ENTRIES
    }
}

/// Takes frames from the kernel for one array. As an iterator it returns the page numbers of single frames until the kernel
/// returns a run.
struct FrameSource<'a, P: Frames> {
    platform: &'a mut P,
    bitmap: &'a mut FrameBitmap,
    /// Frames that the array still has entries for.
    left: u32,
    /// The run that ended the single frames.
    run: Option<FrameRun<P::Size>>,
    supply: Supply,
    /// Why the balloon cannot take the last run.
    rejected: Option<FrameError>,
}

impl<P: Frames> Iterator for FrameSource<'_, P> {
    type Item = u32;

    // The loop over all frames.
    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        let run = self.platform.allocate(self.left);
        match run {
            Some(run) if run.count() == 1 => self.add(run),
            _ => {
                self.run = run;
                None
            }
        }
    }
}

impl<P: Frames> FrameSource<'_, P> {
    /// Takes the run that ended the single frames. Returns the number of its first page, and its number of frames.
    fn take_run(&mut self) -> Option<(u32, u32)> {
        if self.left == 0 || self.rejected.is_some() {
            return None;
        }
        let Some(run) = self.run.take().filter(|run| run.count() > 0) else {
            self.supply = Supply::Exhausted;
            return None;
        };
        let (run, rest) = run.split(self.left);
        if let Some(rest) = rest {
            return_unclaimed(self.bitmap, self.platform, rest);
        }
        let frames = run.count();
        Some((self.add(run)?, frames))
    }

    #[inline(always)]
    fn add(&mut self, run: FrameRun<P::Size>) -> Option<u32> {
        match add(self.bitmap, &run) {
            Ok(first_page) => {
                self.left -= run.count();
                Some(first_page)
            }
            Err(error) => {
                return_unclaimed(self.bitmap, self.platform, run);
                self.rejected = Some(error);
                None
            }
        }
    }
}

/// Adds a run from the kernel to the bitmap. Returns the page number of its first frame.
// In the loop over all frames.
#[inline(always)]
fn add<S: FrameSize>(bitmap: &mut FrameBitmap, run: &FrameRun<S>) -> Result<u32, FrameError> {
    let frame = run.first();
    let first_page = run.first_page().ok_or(FrameError::TooHigh { frame })?;
    match bitmap.set(Run { first: frame, count: run.count() }) {
        Ok(()) => Ok(first_page),
        Err(SetError::OutsideRange) => Err(FrameError::OutsideRange { frame }),
        Err(SetError::AlreadySet) => Err(FrameError::DoubleAllocation { frame }),
    }
}

/// Returns the frames of a run that the balloon cannot take to the kernel, except those that are already in the balloon: the
/// kernel has allocated these twice, and would use them.
#[cold]
fn return_unclaimed<P: Frames>(bitmap: &mut FrameBitmap, platform: &mut P, run: FrameRun<P::Size>) {
    let end = run.first().saturating_add(run.count().into());
    let mut left = Some(run);
    while let Some(mut run) = left.take() {
        let known = bitmap.next_run(run.first(), u32::MAX).filter(|known| known.first < end);
        let Some(known) = known else { return platform.deallocate(run) };
        // Less than the length of the run, which has 32 bits.
        let unclaimed = (known.first - run.first()) as u32;
        if unclaimed > 0 {
            let (free, rest) = run.split(unclaimed);
            platform.deallocate(free);
            let Some(rest) = rest else { return };
            run = rest;
        }
        left = run.split(known.count).1;
    }
}
