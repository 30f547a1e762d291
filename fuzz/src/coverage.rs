//! How deep episodes get: what happened, and in which states the driver was called.

use std::fmt::{self, Display, Formatter};

macro_rules! events {
    ($($name:ident = $text:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Event { $(#[allow(missing_docs)] $name,)* }

        const NAMES: &[&str] = &[$($text,)*];
    };
}

events! {
    Episode = "episodes",
    Gentle = "episodes with a device that keeps the protocol",
    Live = "devices that became live",
    Reset = "resets",
    Notification = "notifications",
    Array = "arrays of page numbers",
    Report = "blocks reported",
    Hint = "blocks hinted",
    Used = "buffers used",
    BentRead = "registers that returned a wrong value",
    Broken = "queues in which the device broke the protocol",
    Scribble = "rings overwritten",
    NeedsReset = "devices that need a reset",
    HostReset = "devices reset by the host",
    Unplugged = "devices unplugged",
    Restless = "configurations that change at every look",
    DeviceError = "errors of the device noticed",
    Probed = "balloons probed or restored",
    ProbeFailed = "probes failed",
    BusFailed = "transports refused",
    StepLive = "steps while live",
    StepArrays = "steps with arrays in flight",
    StepManyArrays = "steps with several arrays in flight",
    StepReports = "steps with reports in flight",
    StepRound = "steps in a round of hints",
    StepPacked = "steps over packed rings",
    StepSplit = "steps while split",
    StepFrozen = "steps while frozen",
    StepAbandoned = "steps after abandon",
    StepBroken = "steps after the device broke the protocol",
    Dropped = "futures and operations dropped midway",
    Forgotten = "futures, handles and balloons forgotten",
    OnTarget = "targets reached",
    Migrated = "migrations finished",
    Unfinished = "resets that did not finish",
    Compiled = "descriptions compiled",
    Rejected = "descriptions rejected with messages",
}

/// Counts of what happened.
#[derive(Clone, Debug)]
pub struct Coverage {
    counts: [u64; NAMES.len()],
}

impl Default for Coverage {
    fn default() -> Self {
        Self { counts: [0; NAMES.len()] }
    }
}

impl Coverage {
    /// Counts an event.
    pub fn count(&mut self, event: Event) {
        self.counts[event as usize] += 1;
    }

    /// Returns the count of an event.
    #[must_use]
    pub fn of(&self, event: Event) -> u64 {
        self.counts[event as usize]
    }

    /// Adds the counts of another episode.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

impl Display for Coverage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, count) in NAMES.iter().zip(self.counts).filter(|(_, count)| *count > 0) {
            writeln!(f, "{count:>14}  {name}")?;
        }
        Ok(())
    }
}
