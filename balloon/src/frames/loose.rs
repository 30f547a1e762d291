//! Frames that the driver has and that are in no bitmap: frames that a step cannot use, and frames of a call in which the kernel
//! panicked.

use core::ops::{Deref, DerefMut};

use super::bitmap::Run;
use crate::error::{BalloonError, FrameError};
use crate::platform::Frames;
use crate::units::{FrameRun, FrameSize};

/// Calls of the kernel in a step that may return frames that the balloon cannot take, so that a step is bounded.
const CALLS: u16 = 256;

/// Frames that the driver has and that are in no bitmap.
///
/// The kernel would return frames that the balloon cannot take again at once, so a step holds them while it looks for others, and
/// returns them at its end.
///
/// If the kernel panics in a call, the frames that the driver had at that time stay here until the device is reset. While these leave
/// no space for those of another panic, calls [fail](LooseRuns::check_space).
#[derive(Debug)]
pub(crate) struct LooseRuns<R: ?Sized = [Run]> {
    /// Why the first frames of the step were rejected.
    error: Option<FrameError>,
    /// Calls of the kernel that are left in the step.
    calls: u16,
    /// Runs that a step may hold when it asks the kernel for more.
    limit: u8,
    len: u8,
    /// How many of the runs are of earlier calls that panicked.
    kept: u8,
    /// Whether rejected frames were logged.
    #[cfg(feature = "log")]
    logged: bool,
    runs: R,
}

/// Frames of a step of inflation. The last call of a step may add four runs.
pub(crate) type LooseFrames = LooseRuns<[Run; 12]>;
/// Blocks of a step of reporting or hinting. The last call of a step may add a run, and a panic another one.
pub(crate) type LooseBlocks = LooseRuns<[Run; 4]>;

impl LooseFrames {
    pub(crate) const NEW: Self = Self::new(8);
}

impl LooseBlocks {
    pub(crate) const NEW: Self = Self::new(2);
}

impl<const N: usize> LooseRuns<[Run; N]> {
    const fn new(limit: u8) -> Self {
        Self {
            error: None,
            calls: CALLS,
            limit,
            len: 0,
            kept: 0,
            #[cfg(feature = "log")]
            logged: false,
            runs: [Run { first: 0, count: 0 }; N],
        }
    }
}

impl<const N: usize> Deref for LooseRuns<[Run; N]> {
    type Target = LooseRuns;

    #[inline]
    fn deref(&self) -> &LooseRuns {
        self
    }
}

impl<const N: usize> DerefMut for LooseRuns<[Run; N]> {
    #[inline]
    fn deref_mut(&mut self) -> &mut LooseRuns {
        self
    }
}

impl LooseRuns {
    /// Starts a step.
    ///
    /// # Errors
    ///
    /// As for [`LooseRuns::check_space`].
    pub(crate) fn start(&mut self) -> Result<(), BalloonError> {
        (self.kept, self.calls, self.error) = (self.len, CALLS, None);
        self.check_space()
    }

    /// Checks that earlier calls that panicked have left space: enough that another panic loses no run, and that a step has
    /// [room](Self::has_room) for runs that it cannot use.
    ///
    /// # Errors
    ///
    /// [`BalloonError::TooManyPanics`], until the device is reset.
    pub(crate) fn check_space(&self) -> Result<(), BalloonError> {
        if self.len <= self.limit / 2 { Ok(()) } else { Err(BalloonError::TooManyPanics) }
    }

    /// Returns why the first frames of the step were rejected.
    pub(crate) const fn error(&self) -> Option<FrameError> {
        self.error
    }

    /// Returns whether the step may ask the kernel for more frames.
    pub(crate) const fn has_room(&self) -> bool {
        self.calls > 0 && self.len <= self.limit
    }

    /// Notes why the kernel's frames were rejected, whose runs are then [held](Self::hold).
    pub(crate) fn reject(&mut self, error: FrameError) {
        self.error.get_or_insert(error);
        self.calls = self.calls.saturating_sub(1);
    }

    /// Holds a run until the end of the step.
    #[cold]
    #[inline(never)]
    pub(crate) fn hold(&mut self, run: Run) {
        let held = self.runs.iter_mut().take(self.len.into()).skip(self.kept.into());
        if run.count > 0 && !held.into_iter().any(|held| merge(held, run)) {
            self.record(run);
        }
    }

    /// Records a run that is passed on after the next calls of the kernel. If one of them panics, the run stays here. Returns the
    /// mark for [`LooseFrames::forget`].
    // Without space, the run would be lost in a panic. `check_space` prevents that.
    #[inline(never)]
    pub(crate) fn record(&mut self, run: Run) -> u8 {
        let mark = self.len;
        if let Some(slot) = self.runs.get_mut(usize::from(mark)) {
            *slot = run;
            self.len += 1;
        }
        mark
    }

    /// Forgets the runs that were recorded since a mark: the kernel did not panic.
    pub(crate) const fn forget(&mut self, mark: u8) {
        self.len = mark;
    }

    /// Takes a run of the step that is to go back to the kernel.
    #[inline(never)]
    pub(crate) fn pop(&mut self) -> Option<Run> {
        let last = self.len.checked_sub(1).filter(|last| *last >= self.kept)?;
        self.len = last;
        self.runs.get(usize::from(last)).copied()
    }

    /// Lets [`LooseFrames::pop`] take the runs of calls that panicked too, because the device was reset.
    pub(crate) const fn keep_none(&mut self) {
        self.kept = 0;
    }

    /// Returns the frames of the step to the kernel. They are in no bitmap.
    #[inline(never)]
    pub(crate) fn end<P: Frames>(&mut self, platform: &mut P) {
        while let Some(run) = self.pop() {
            platform.deallocate(run.into_frames());
        }
        self.log();
    }

    /// Logs that frames of the kernel were rejected, once.
    pub(crate) fn log(&mut self) {
        #[cfg(feature = "log")]
        if let Some(error) = self.error
            && !core::mem::replace(&mut self.logged, true)
        {
            log::warn!("balloon: rejected frames of the kernel: {error}");
        }
    }
}

/// Merges an adjacent run into `held`.
fn merge(held: &mut Run, new: Run) -> bool {
    let Some(count) = held.count.checked_add(new.count) else { return false };
    let end = |run: Run| run.first.checked_add(run.count.into());
    if end(*held) == Some(new.first) {
        held.count = count;
    } else if end(new) == Some(held.first) {
        *held = Run { first: new.first, count };
    } else {
        return false;
    }
    true
}

impl Run {
    /// Returns the numbers of a run of frames.
    pub(crate) const fn of<S: FrameSize>(run: &FrameRun<S>) -> Self {
        Self { first: run.first(), count: run.count() }
    }

    /// Returns the frames, which were just removed from what the driver has.
    pub(crate) const fn into_frames<S: FrameSize>(self) -> FrameRun<S> {
        FrameRun::removed(self.first, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, count: u32) -> Run {
        Run { first, count }
    }

    #[test]
    fn a_step_returns_what_it_held_and_keeps_what_an_earlier_one_left() {
        let mut frames = LooseFrames::NEW;
        let loose: &mut LooseRuns = &mut frames;
        loose.start().unwrap();
        loose.hold(run(10, 1));
        loose.hold(run(11, 2));
        loose.hold(run(9, 1));
        loose.hold(run(0, 0));
        assert_eq!((loose.pop(), loose.pop()), (Some(run(9, 4)), None));
        // A call panics after it recorded a run.
        let _ = loose.record(run(20, 5));
        loose.start().unwrap();
        let mark = loose.record(run(30, 1));
        loose.forget(mark);
        loose.hold(run(25, 1));
        assert_eq!((loose.pop(), loose.pop()), (Some(run(25, 1)), None), "not merged with the run that is kept");
        loose.keep_none();
        assert_eq!((loose.pop(), loose.pop()), (Some(run(20, 5)), None));
    }

    #[test]
    fn the_room_and_the_calls_of_a_step_are_limited() {
        fn check(loose: &mut LooseRuns, limit: u8) {
            let room = loose.runs.len() as u8;
            loose.start().unwrap();
            for step in 0..room {
                assert_eq!(loose.has_room(), step <= limit);
                loose.hold(run(2 * u64::from(step), 1));
            }
            assert_eq!(loose.record(run(100, 1)), room, "it does not panic without room");
            // As after a panic.
            assert_eq!(loose.start(), Err(BalloonError::TooManyPanics));
            loose.keep_none();
            assert_eq!(core::iter::from_fn(|| loose.pop()).count(), usize::from(room));
            loose.start().unwrap();
            for _ in 0..CALLS {
                assert!(loose.has_room());
                loose.reject(FrameError::OutsideRange { frame: 1 });
            }
            assert!(!loose.has_room());
        }
        let (mut frames, mut blocks) = (LooseFrames::NEW, LooseBlocks::NEW);
        check(&mut frames, 8);
        check(&mut blocks, 2);
    }
}
