//! Frames from the kernel that the balloon cannot take. They are held while a step looks for others, because the kernel would
//! return the same ones again, and go back at its end.

use crate::error::FrameError;
use crate::frames::Run;
use crate::platform::Frames;
use crate::units::FrameRun;

/// Runs that are held at most. Adjacent ones are merged.
const RUNS: usize = 8;
/// Calls of the kernel in a step whose frames are held at most, so that a step is bounded.
const CALLS: u32 = 256;

/// The frames that a step cannot use.
#[derive(Debug)]
pub(super) struct Rejects {
    runs: [Run; RUNS],
    len: usize,
    /// Calls whose frames can still be held.
    calls: u32,
    /// The first error.
    error: Option<FrameError>,
}

impl Rejects {
    pub(super) const fn new() -> Self {
        Self { runs: [Run { first: 0, count: 0 }; RUNS], len: 0, calls: CALLS, error: None }
    }

    /// Returns why the first frames were rejected.
    pub(super) const fn error(&self) -> Option<FrameError> {
        self.error
    }

    /// Notes that the kernel returned frames that the balloon cannot take. Returns whether the step may ask for others.
    pub(super) fn note(&mut self, error: FrameError) -> bool {
        self.error.get_or_insert(error);
        self.calls = self.calls.saturating_sub(1);
        self.calls > 0
    }

    /// Holds a run. If there is no room, returns it to the kernel. Returns whether it is held.
    pub(super) fn hold<P: Frames>(&mut self, run: FrameRun<P::Size>, platform: &mut P) -> bool {
        let new = Run { first: run.first(), count: run.count() };
        let held = self.runs.iter_mut().take(self.len);
        let is_merged = held.into_iter().any(|held| merge(held, new));
        if !is_merged {
            let Some(slot) = self.runs.get_mut(self.len) else {
                platform.deallocate(run);
                return false;
            };
            *slot = new;
            self.len += 1;
        }
        true
    }

    /// Returns all frames that are held to the kernel.
    pub(super) fn return_all<P: Frames>(&mut self, platform: &mut P) {
        while let Some(run) = self.len.checked_sub(1).and_then(|last| self.runs.get(last).copied()) {
            self.len -= 1;
            platform.deallocate(FrameRun::removed(run.first, run.count));
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
