//! Frames on their way into the balloon and out of it: the arrays that name them for the device.

use aerostat_transport::queue::Writer;
use aerostat_transport::{Dma, Transport};

use crate::declare::BalloonFeatureSet;
use crate::error::{BalloonError, FrameError};
use crate::frame::{FrameRun, FrameSize};
use crate::live::{Core, ENTRIES, ENTRY, Filled, Leave, Sent, Supply};
use crate::platform::{Frames, ManagedChange};
use crate::tracker::{Refusal, Run, Tracker};

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Core<T, P, L> {
    /// Takes up to `frames` frames from the kernel into arrays for the device, as far as arrays are free.
    ///
    /// # Errors
    ///
    /// A frame that the balloon cannot take; those before it are on their way.
    pub(crate) fn take_in(&mut self, frames: u32) -> Result<Filled, FrameError> {
        let mut filled = Filled { frames: 0, supply: Supply::More };
        let mut refused = None;
        while filled.frames < frames
            && filled.supply == Supply::More
            && refused.is_none()
            && self.inflate.in_flight() < usize::from(self.options.depth)
            && self.inflate.free() > 0
        {
            let mut array = 0;
            let Self { inflate, platform, tracker, .. } = self;
            let sent = inflate.send(|entries| {
                let most = Self::most(entries).min(frames - filled.frames);
                let mut intake = Intake { platform, tracker, left: most, run: None, ended: None };
                while intake.left > 0 {
                    // Lone frames come in a loop of their own, because there may be many.
                    entries.groups(&mut intake, Self::FRAME_ENTRIES);
                    let Some((first_page, frames)) = intake.take_run() else { break };
                    entries.sequence(first_page, frames * Self::FRAME_ENTRIES);
                }
                match intake.ended {
                    Some(Ended::Dry) => filled.supply = Supply::Dry,
                    Some(Ended::Refused(error)) => refused = Some(error),
                    None => {}
                }
                array = most - intake.left;
            });
            let Ok(Some(token)) = sent else { break };
            if let Some(entry) = self.entering.get_mut(token.index()) {
                *entry = Sent::Entering(array);
            }
            filled.frames += array;
            self.adjust_managed(ManagedChange::Removed(array));
        }
        if filled.frames > 0 {
            self.inflate.notify();
            #[cfg(feature = "log")]
            if filled.supply == Supply::More {
                self.dry = false;
            }
        }
        refused.map_or(Ok(filled), Err)
    }

    /// Puts a run that the kernel gave into arrays for the device.
    ///
    /// # Errors
    ///
    /// The run, or the part of it that found no free array, and why.
    pub(crate) fn take_run(&mut self, run: FrameRun<P::Size>) -> Result<(), (FrameRun<P::Size>, Option<FrameError>)> {
        let mut first_page = match enter(&mut self.tracker, &run) {
            Ok(first_page) => first_page,
            Err(error) => return Err((run, Some(error))),
        };
        let most = ENTRIES as u32 / Self::FRAME_ENTRIES;
        let mut left = Some(run);
        let mut outcome = Ok(());
        while let Some(run) = left.take() {
            if self.inflate.in_flight() >= usize::from(self.options.depth) || self.inflate.free() == 0 {
                self.tracker.remove(Run { first: run.first(), count: run.count() });
                outcome = Err((run, None));
                break;
            }
            let (run, rest) = run.split(most);
            let entries = run.count() * Self::FRAME_ENTRIES;
            let token = self.inflate.send(|array| {
                array.sequence(first_page, entries);
            });
            if let Ok(Some(token)) = token
                && let Some(entry) = self.entering.get_mut(token.index())
            {
                *entry = Sent::Entering(run.count());
            }
            self.adjust_managed(ManagedChange::Removed(run.count()));
            first_page = first_page.wrapping_add(entries);
            left = rest;
        }
        self.inflate.notify();
        outcome
    }

    /// Names up to `frames` frames of the book in arrays for the device, as far as arrays are free.
    pub(crate) fn let_out(&mut self, frames: u32, leave: Leave) -> Filled {
        let mut filled = Filled { frames: 0, supply: Supply::More };
        if self.exchanging > 0 {
            // The search would find the frame that is on its way out, and name it twice.
            return Filled { frames: 0, supply: Supply::Dry };
        }
        while filled.frames < frames
            && filled.supply == Supply::More
            && self.deflate.in_flight() < usize::from(self.options.depth)
            && self.deflate.free() > 0
        {
            let mut array = 0;
            let mut first = None;
            let Self { deflate, tracker, cursor, departing, .. } = self;
            let sent = deflate.send(|entries| {
                let most = Self::most(entries).min(frames - filled.frames);
                let mut left = most;
                let mut walk = tracker.walk(*cursor);
                while left > 0 {
                    let Some(piece) = tracker.step(&mut walk, left) else {
                        // Start again from the front, unless frames in front of the cursor are still leaving.
                        if *cursor == 0 || *departing > 0 || left < most {
                            filled.supply = Supply::Dry;
                            break;
                        }
                        *cursor = 0;
                        walk = tracker.walk(0);
                        continue;
                    };
                    *cursor = piece.end();
                    first.get_or_insert(piece.first());
                    left -= piece.count();
                    match piece.run() {
                        Some(run) => entries.sequence(page::<P>(run.first), run.count * Self::FRAME_ENTRIES),
                        None => entries.groups(piece.frames().map(page::<P>), Self::FRAME_ENTRIES),
                    };
                }
                array = most - left;
            });
            let (Ok(Some(token)), Some(first)) = (sent, first) else { break };
            let sent = match leave {
                Leave::Acknowledged => {
                    self.departing += u64::from(array);
                    Sent::Leaving { first, frames: array }
                }
                Leave::AtOnce => {
                    self.hand_back(first, array);
                    Sent::Gone(array)
                }
            };
            if let Some(entry) = self.leaving.get_mut(token.index()) {
                *entry = sent;
            }
            filled.frames += array;
        }
        if filled.frames > 0 {
            self.deflate.notify();
        }
        filled
    }

    /// Frames that an array still has entries for.
    fn most(entries: &Writer<'_>) -> u32 {
        // At most those of a whole array.
        (entries.room() / ENTRY) as u32 / Self::FRAME_ENTRIES
    }

    /// Names one frame of the book in an array for the device.
    ///
    /// # Errors
    ///
    /// Whether the frame is not in the book, or no array is free.
    pub(crate) fn let_out_one(&mut self, frame: u64) -> Result<(), BalloonError> {
        let run = self.tracker.next(frame, 1).filter(|run| run.first == frame);
        let run = run.ok_or(BalloonError::NotInBalloon { frame })?;
        let sent = self.deflate.send(|array| {
            array.sequence(page::<P>(run.first), Self::FRAME_ENTRIES);
        });
        let Ok(Some(token)) = sent else { return Err(BalloonError::Busy) };
        if let Some(entry) = self.leaving.get_mut(token.index()) {
            *entry = Sent::Exchanged(frame);
        }
        self.departing += 1;
        self.exchanging += 1;
        self.deflate.notify();
        Ok(())
    }
}

/// Frames on their way from the kernel into an array. As an iterator: the page numbers of frames that the kernel gives
/// one at a time, until it gives a run.
struct Intake<'a, P: Frames> {
    platform: &'a mut P,
    tracker: &'a mut Tracker,
    /// Frames that the array still has entries for.
    left: u32,
    /// What ended the lone frames.
    run: Option<FrameRun<P::Size>>,
    ended: Option<Ended>,
}

/// Why no more frames come in.
#[derive(Clone, Copy, Debug)]
enum Ended {
    /// The kernel has none.
    Dry,
    /// The balloon cannot take what the kernel gave.
    Refused(FrameError),
}

impl<P: Frames> Iterator for Intake<'_, P> {
    type Item = u32;

    // The loop over all frames.
    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        let run = self.platform.allocate(self.left);
        match run {
            Some(run) if run.count() == 1 => self.enter(run),
            _ => {
                self.run = run;
                None
            }
        }
    }
}

impl<P: Frames> Intake<'_, P> {
    /// Takes the run that ended the lone frames: the number of its first page, and how many frames it has.
    fn take_run(&mut self) -> Option<(u32, u32)> {
        if self.left == 0 || self.ended.is_some() {
            return None;
        }
        let Some(run) = self.run.take().filter(|run| run.count() > 0) else {
            self.ended = Some(Ended::Dry);
            return None;
        };
        let (run, rest) = run.split(self.left);
        if let Some(rest) = rest {
            hand_over(self.tracker, self.platform, rest);
        }
        let frames = run.count();
        Some((self.enter(run)?, frames))
    }

    #[inline(always)]
    fn enter(&mut self, run: FrameRun<P::Size>) -> Option<u32> {
        match enter(self.tracker, &run) {
            Ok(first_page) => {
                self.left -= run.count();
                Some(first_page)
            }
            Err(error) => {
                hand_over(self.tracker, self.platform, run);
                self.ended = Some(Ended::Refused(error));
                None
            }
        }
    }
}

/// The number of the first page of a frame of the book, which [`enter`] has found to have one.
fn page<P: Frames>(frame: u64) -> u32 {
    (frame as u32).wrapping_mul(<P::Size as FrameSize>::PAGES)
}

/// Enters a run that the kernel gave into the book, and returns the balloon page number of its first frame.
// In the loop over all frames.
#[inline(always)]
fn enter<S: FrameSize>(tracker: &mut Tracker, run: &FrameRun<S>) -> Result<u32, FrameError> {
    let frame = run.first();
    let first_page = run.first_page().ok_or(FrameError::TooHigh { frame })?;
    match tracker.insert(Run { first: frame, count: run.count() }) {
        Ok(()) => Ok(first_page),
        Err(Refusal::OutsideSpan) => Err(FrameError::OutsideSpan { frame }),
        Err(Refusal::Twice) => Err(FrameError::Twice { frame }),
    }
}

/// Gives the frames of a run that the balloon cannot take back to the kernel, but for those that the book has. They were given
/// twice: as the kernel's again they would be used.
#[cold]
fn hand_over<P: Frames>(tracker: &mut Tracker, platform: &mut P, run: FrameRun<P::Size>) {
    let end = run.first().saturating_add(run.count().into());
    let mut left = Some(run);
    while let Some(mut run) = left.take() {
        let known = tracker.next(run.first(), u32::MAX).filter(|known| known.first < end);
        let Some(known) = known else { return platform.deallocate(run) };
        // Less than the length of the run, which has 32 bits.
        let strangers = (known.first - run.first()) as u32;
        if strangers > 0 {
            let (free, rest) = run.split(strangers);
            platform.deallocate(free);
            let Some(rest) = rest else { return };
            run = rest;
        }
        left = run.split(known.count).1;
    }
}
