//! Frames that enter the balloon: from the kernel's allocator into arrays for the device.

use aerostat_transport::queue::Writer;

use super::rejects::Rejects;
use super::state::{Core, Filled, Supply};
use crate::error::{BalloonError, FrameError, Rejected};
use crate::features::{SizeOf, Types};
use crate::frames::{FrameBitmap, Run, SetError};
use crate::platform::{Frames, ManagedChange};
use crate::queues::{ArrayContents, ENTRIES, ENTRY_BYTES};
use crate::units::{FrameRun, FrameSize};

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
    /// A frame that the kernel has allocated twice. The frames before it are with the device.
    pub(crate) fn inflate_by(&mut self, frames: u32) -> Result<Filled, FrameError> {
        let mut total = Filled { frames: 0, supply: Supply::More };
        let (mut rejects, mut error) = (Rejects::new(), None);
        while total.frames < frames
            && total.supply == Supply::More
            && error.is_none()
            && self.inflate.has_room(self.options.max_in_flight)
        {
            let Some(array) = self.send_inflate_array(frames - total.frames, &mut rejects) else { break };
            (total.supply, error) = (array.filled.supply, array.error);
            if array.filled.frames == 0 {
                break;
            }
            total.frames += array.filled.frames;
        }
        rejects.return_all(&mut self.platform);
        self.log_rejects(rejects.error());
        if total.frames > 0 {
            self.inflate.notify();
            #[cfg(feature = "log")]
            if total.supply == Supply::More {
                self.counters.logged_exhausted = false;
            }
        }
        error.map_or(Ok(total), Err)
    }

    /// Sends one array with up to `frames` frames from the kernel. Returns `None` if the queue cannot take it.
    #[inline]
    fn send_inflate_array(&mut self, frames: u32, rejects: &mut Rejects) -> Option<Array> {
        let Self { inflate, platform, bitmap, reserve, .. } = self;
        let spare = spare_frames(platform, *reserve);
        if spare == 0 {
            return Some(Array { filled: Filled { frames: 0, supply: Supply::AtReserve }, error: None });
        }
        let mut array = Array { filled: Filled { frames: 0, supply: Supply::More }, error: None };
        let sent = inflate.send(|entries| {
            let max = Self::array_frames(entries).min(frames).min(spare);
            let mut source =
                FrameSource { platform, bitmap, rejects, left: max, run: None, supply: Supply::More, error: None };
            while source.left > 0 {
                // Single frames have a loop of their own, because there may be many.
                entries.groups(&mut source, Self::FRAME_ENTRIES);
                match source.take_run() {
                    Taken::Run { first_page, frames } => {
                        entries.sequence(first_page, frames * Self::FRAME_ENTRIES);
                    }
                    Taken::Held => {}
                    Taken::End => break,
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
        let first_page = match add(&mut self.bitmap, &run) {
            Ok(first_page) => first_page,
            Err(error @ FrameError::DoubleAllocation { .. }) => {
                return_unclaimed(&mut self.bitmap, &mut self.platform, run);
                return Err(Rejected { run: None, error: error.into() });
            }
            Err(error) => return Err(Rejected { run: Some(run), error: error.into() }),
        };
        let unsent = self.send_run(run, first_page);
        self.inflate.notify();
        match unsent {
            Some(run) => {
                self.bitmap.clear_run(Run { first: run.first(), count: run.count() });
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
fn spare_frames(platform: &impl Frames, reserve: u64) -> u32 {
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
    rejects: &'a mut Rejects,
    /// Frames that the array still has entries for.
    left: u32,
    /// The run that ended the single frames.
    run: Option<FrameRun<P::Size>>,
    supply: Supply,
    /// A frame that the kernel has allocated twice.
    error: Option<FrameError>,
}

/// What [`FrameSource::take_run`] took.
enum Taken {
    /// A run for the array.
    Run { first_page: u32, frames: u32 },
    /// Nothing: the frames are held until the end of the step.
    Held,
    /// Nothing: the array ends.
    End,
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

    /// Takes the run that ended the single frames.
    fn take_run(&mut self) -> Taken {
        if self.left == 0 {
            return Taken::End;
        }
        let Some(run) = self.run.take().filter(|run| run.count() > 0) else {
            self.supply = self.rejects.error().map_or(Supply::Exhausted, Supply::Unusable);
            return Taken::End;
        };
        let (run, rest) = run.split(self.left);
        if let Some(rest) = rest {
            return_unclaimed(self.bitmap, self.platform, rest);
        }
        match add(self.bitmap, &run) {
            Ok(first_page) => self.taken(first_page, run.count()),
            Err(error) => self.reject(run, error),
        }
    }

    fn taken(&mut self, first_page: u32, frames: u32) -> Taken {
        self.left -= frames;
        Taken::Run { first_page, frames }
    }

    /// Holds the frames of a run that are outside the range or too high, and takes the others.
    #[cold]
    #[inline(never)]
    fn reject(&mut self, run: FrameRun<P::Size>, error: FrameError) -> Taken {
        if let FrameError::DoubleAllocation { .. } = error {
            return_unclaimed(self.bitmap, self.platform, run);
            self.error = Some(error);
            return Taken::End;
        }
        let may_go_on = self.rejects.note(error);
        let mut is_held = true;
        let usable = self.bitmap.range();
        let usable = usable.start..usable.end.min((1 << 32) / u64::from(P::Size::PAGES));
        let mut rest = Some(run);
        for end in [usable.start, usable.end] {
            // The part of the run before `end`.
            let Some(run) = rest.take() else { break };
            let count = end.saturating_sub(run.first()).min(run.count().into()) as u32;
            if count == 0 {
                rest = Some(run);
                continue;
            }
            let (part, behind) = run.split(count);
            rest = behind;
            if end == usable.start {
                is_held &= self.rejects.hold(part, self.platform);
                continue;
            }
            if let Some(behind) = rest.take() {
                let _ = self.rejects.hold(behind, self.platform);
            }
            match add(self.bitmap, &part) {
                Ok(first_page) => return self.taken(first_page, part.count()),
                Err(error) => {
                    return_unclaimed(self.bitmap, self.platform, part);
                    self.error = Some(error);
                    return Taken::End;
                }
            }
        }
        if let Some(run) = rest {
            is_held &= self.rejects.hold(run, self.platform);
        }
        if may_go_on && is_held {
            return Taken::Held;
        }
        self.supply = Supply::Unusable(error);
        Taken::End
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
