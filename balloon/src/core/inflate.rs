//! Frames that enter the balloon: from the kernel's allocator into arrays for the device.

use aerostat_transport::queue::Writer;

use super::state::{Core, Filled, Supply};
use crate::error::{BalloonError, FrameError, Rejected};
use crate::features::{SizeOf, Types};
use crate::frames::{FrameBitmap, LooseRuns, Run, SetError};
use crate::platform::{Frames, ManagedChange};
use crate::queues::{ArrayContents, ENTRIES, ENTRY_BYTES};
use crate::units::{FrameRun, FrameSize, usable_frames};

/// What an array took from the kernel.
struct Array {
    filled: Filled,
    /// A frame that the kernel has allocated twice, and that ended the array.
    error: Option<FrameError>,
}

impl<C: Types> Core<C> {
    /// Takes up to `frames` frames from the kernel into arrays for the device, while arrays are free.
    ///
    /// # Errors
    ///
    /// [`BalloonError::TooManyPanics`], or a frame that the kernel has allocated twice. The frames before it are with the device.
    pub(crate) fn inflate_by(&mut self, frames: u32) -> Result<Filled, BalloonError> {
        let mut total = Filled { frames: 0, supply: Supply::More };
        let mut error = None;
        self.loose.start().inspect_err(|error| self.log_error(*error))?;
        while total.frames < frames && total.supply == Supply::More && self.inflate.has_room(self.options.max_in_flight)
        {
            let Some(array) = self.send_inflate_array(frames - total.frames) else { break };
            (total.supply, error) = (array.filled.supply, array.error);
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
        if self.loose.error().is_some() {
            self.return_held();
        }
        error.map_or(Ok(total), |error| {
            let error = error.into();
            self.log_error(error);
            Err(error)
        })
    }

    /// Returns the frames to the kernel that a step could not use.
    #[cold]
    #[inline(never)]
    pub(super) fn return_held(&mut self) {
        let Self { loose, bitmap, platform, .. } = self;
        while let Some(run) = loose.pop() {
            return_unclaimed(bitmap, loose, platform, run.into_frames());
        }
        loose.log();
    }

    /// Sends one array with up to `frames` frames from the kernel. Returns `None` if the queue cannot take it.
    #[inline]
    fn send_inflate_array(&mut self, frames: u32) -> Option<Array> {
        let Self { inflate, platform, bitmap, loose, reserve, .. } = self;
        let spare = spare_frames(platform, *reserve);
        if spare == 0 {
            return Some(Array { filled: Filled { frames: 0, supply: Supply::AtReserve }, error: None });
        }
        let mut array = Array { filled: Filled { frames: 0, supply: Supply::More }, error: None };
        let sent = inflate.send(|entries| {
            let max = Self::array_frames(entries).min(frames).min(spare);
            let mut source =
                FrameSource { platform, bitmap, loose, left: max, run: None, supply: Supply::More, error: None };
            while source.left > 0 && source.supply == Supply::More {
                // Single frames have a loop of their own, because there may be many.
                entries.groups(&mut source, Self::FRAME_ENTRIES);
                if let Some((first_page, frames)) = source.take_run() {
                    entries.sequence(first_page, frames * Self::FRAME_ENTRIES);
                }
            }
            (array.filled.supply, array.error) = (source.supply, source.error);
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
    /// The run, or the part of it for which no array was free, and why. No run if frames of it are in the balloon; the others
    /// went back to the kernel.
    pub(crate) fn inflate_with(&mut self, run: FrameRun<SizeOf<C>>) -> Result<(), Rejected<FrameRun<SizeOf<C>>>> {
        let first_page = match add_run(&mut self.bitmap, &run) {
            Ok(first_page) => first_page,
            Err(error @ FrameError::DoubleAllocation { .. }) => {
                return_unclaimed(&mut self.bitmap, &mut self.loose, &mut self.platform, run);
                return Err(Rejected { run: None, error: error.into() });
            }
            Err(error) => return Err(Rejected { run: Some(run), error: error.into() }),
        };
        let unsent = self.send_run(run, first_page);
        self.inflate.notify();
        match unsent {
            Some(run) => {
                self.bitmap.clear_run(Run::of(&run));
                Err(Rejected { run: Some(run), error: BalloonError::Busy })
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

/// Returns how many frames the kernel can spare beyond its reserve.
pub(super) fn spare_frames(platform: &impl Frames, reserve: u64) -> u32 {
    match reserve {
        0 => u32::MAX,
        _ => platform.free_frames().saturating_sub(reserve).min(u32::MAX.into()) as u32,
    }
}

/// Takes frames from the kernel for one array. As an iterator it returns the page numbers of single frames until the kernel
/// returns a run, or a frame that the balloon cannot take.
struct FrameSource<'a, P: Frames> {
    platform: &'a mut P,
    bitmap: &'a mut FrameBitmap,
    /// Frames of the step that the balloon cannot take.
    loose: &'a mut LooseRuns,
    /// Frames that the array still has entries for.
    left: u32,
    /// The run that ended the single frames.
    run: Option<FrameRun<P::Size>>,
    supply: Supply,
    /// A frame that the kernel has allocated twice.
    error: Option<FrameError>,
}

impl<P: Frames> Iterator for FrameSource<'_, P> {
    type Item = u32;

    // The loop over all frames.
    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        match self.platform.allocate(self.left) {
            Some(run) if run.count() == 1 => match add(self.bitmap, &run) {
                Ok(first_page) => {
                    self.left -= 1;
                    Some(first_page)
                }
                Err(_) => self.keep(run),
            },
            run => {
                self.run = run;
                None
            }
        }
    }
}

impl<P: Frames> FrameSource<'_, P> {
    /// Keeps a frame that the balloon cannot take for [`FrameSource::take_run`].
    #[cold]
    #[inline(never)]
    fn keep(&mut self, run: FrameRun<P::Size>) -> Option<u32> {
        self.run = Some(run);
        None
    }

    /// Takes the run that ended the single frames, if there is one, and returns its first page and the number of its frames.
    fn take_run(&mut self) -> Option<(u32, u32)> {
        if self.left == 0 {
            return None;
        }
        let Some(run) = self.run.take().filter(|run| run.count() > 0) else {
            self.supply = self.loose.error().map_or(Supply::Exhausted, Supply::Unusable);
            return None;
        };
        let (run, rest) = run.split(self.left);
        match add(self.bitmap, &run) {
            Ok(first_page) => {
                self.left -= run.count();
                if let Some(rest) = rest {
                    return_unclaimed(self.bitmap, self.loose, self.platform, rest);
                }
                Some((first_page, run.count()))
            }
            Err(error) => {
                if let Some(rest) = rest {
                    self.loose.hold(Run::of(&rest));
                }
                self.reject(run, error)
            }
        }
    }

    /// Holds the frames of a run that are outside the range or too high, and takes the others.
    #[cold]
    #[inline(never)]
    fn reject(&mut self, run: FrameRun<P::Size>, error: FrameError) -> Option<(u32, u32)> {
        self.loose.reject(error);
        let usable = usable_frames::<P::Size>(self.bitmap.range());
        let before = |end: u64| end.saturating_sub(run.first()).min(run.count().into()) as u32;
        let (start, end) = (before(usable.start), before(usable.end));
        let (below, run) = split(run, start);
        let (run, above) = split(run, end - start);
        let added = if run.count() > 0 { add_run(self.bitmap, &run).map(Some) } else { Ok(None) };
        self.loose.hold(Run::of(&below));
        self.loose.hold(Run::of(&above));
        if !self.loose.has_room() {
            self.supply = Supply::Unusable(error);
        }
        match added {
            Ok(first_page) => {
                self.left -= run.count();
                first_page.map(|first_page| (first_page, run.count()))
            }
            Err(error) => {
                // The kernel has allocated frames of the run twice.
                self.loose.hold(Run::of(&run));
                (self.supply, self.error) = (Supply::Exhausted, Some(error));
                None
            }
        }
    }
}

/// Splits a run into its first `count` frames and the others. Each of the two may be empty.
fn split<S: FrameSize>(run: FrameRun<S>, count: u32) -> (FrameRun<S>, FrameRun<S>) {
    let end = run.first().saturating_add(run.count().into());
    let (run, rest) = run.split(count);
    (run, rest.unwrap_or(FrameRun::removed(end, 0)))
}

/// Adds a run from the kernel to the bitmap. Returns the page number of its first frame.
// In the loop over all frames.
#[inline(always)]
pub(super) fn add<S: FrameSize>(bitmap: &mut FrameBitmap, run: &FrameRun<S>) -> Result<u32, FrameError> {
    let frame = run.first();
    let first_page = run.first_page().ok_or(FrameError::TooHigh { frame })?;
    match bitmap.set(Run::of(run)) {
        Ok(()) => Ok(first_page),
        Err(SetError::OutsideRange) => Err(FrameError::OutsideRange { frame }),
        Err(SetError::AlreadySet) => Err(FrameError::DoubleAllocation { frame }),
    }
}

/// Does what [`add`] does, outside the loop over all frames.
#[inline(never)]
fn add_run<S: FrameSize>(bitmap: &mut FrameBitmap, run: &FrameRun<S>) -> Result<u32, FrameError> {
    add(bitmap, run)
}

/// Returns the frames of a run that the balloon cannot take to the kernel, except those that are already in the balloon: the
/// kernel has allocated these twice, and would use them.
#[cold]
#[inline(never)]
pub(super) fn return_unclaimed<P: Frames>(
    bitmap: &mut FrameBitmap,
    loose: &mut LooseRuns,
    platform: &mut P,
    run: FrameRun<P::Size>,
) {
    let end = run.first().saturating_add(run.count().into());
    let mut left = Some(run);
    while let Some(run) = left.take() {
        // The next frames of the balloon in one word of the bitmap.
        let known = bitmap.advance(&mut bitmap.cursor(run.first()), u32::MAX).and_then(|bits| bits.runs().next());
        let known = known.filter(|known| known.first < end);
        let Some(known) = known else { return platform.deallocate(run) };
        // Less than the length of the run, which has 32 bits.
        let count = (known.first - run.first()) as u32;
        let (unclaimed, rest) = split(run, count);
        left = rest.split(known.count).1;
        if unclaimed.count() > 0 {
            let mark = loose.record(left.as_ref().map_or(Run { first: 0, count: 0 }, Run::of));
            platform.deallocate(unclaimed);
            loose.forget(mark);
        }
    }
}
