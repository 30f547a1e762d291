//! How deep episodes get: what happened, and in which states the driver was called.

use std::fmt::{self, Display, Formatter};

use crate::methods::{AllCalls, Method};

macro_rules! events {
    ($($name:ident = $text:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Event { $(#[allow(missing_docs)] $name,)* }

        const NAMES: &[&str] = &[$($text,)*];
        const EVENTS: &[Event] = &[$(Event::$name,)*];
    };
}

events! {
    Episode = "episodes",
    Conforming = "episodes with a device that keeps the protocol",
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
    CutOff = "devices cut off by the kernel",
    SwitchedOff = "machines switched off",
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
    Finished = "operations finished",
    Migrated = "migrations finished",
    Unfinished = "resets that did not finish",
    Compiled = "descriptions compiled",
    Rejected = "descriptions rejected with messages",
}

/// Counts of what happened.
#[derive(Clone, Debug)]
pub struct Coverage {
    counts: [u64; NAMES.len()],
    calls: AllCalls,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { counts: [0; NAMES.len()], calls: AllCalls::default() }
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
        self.calls.add(&other.calls);
    }

    /// Counts a call of the driver.
    pub(crate) fn called(&mut self, method: Method) {
        self.calls.of(method).count += 1;
    }

    /// Notes how many register accesses a call has made, without reads of the status, and how many reads of the status.
    pub(crate) fn note_accesses(&mut self, method: Method, accesses: u32, status: u32) {
        let calls = self.calls.of(method);
        calls.accesses = calls.accesses.max(accesses);
        calls.status = calls.status.max(status);
    }

    /// Returns the calls of each method of the driver as a table.
    #[must_use]
    pub fn calls(&self) -> String {
        self.calls.table()
    }

    /// Returns what happened fewer than `least` times: the states of the driver and of the device, and the methods of the driver.
    #[must_use]
    pub fn rare(&self, least: u64) -> Vec<String> {
        let events = EVENTS.iter().filter(|event| !is_of_descriptions(**event)).map(|&event| self.named(event));
        let all = events.chain(self.calls.counts());
        all.filter(|(_, count)| *count < least).map(|(name, count)| format!("{name}: {count}")).collect()
    }

    /// Returns which results of the description compiler happened fewer than `least` times.
    #[must_use]
    pub fn rare_descriptions(&self, least: u64) -> Vec<String> {
        let events = EVENTS.iter().filter(|event| is_of_descriptions(**event)).map(|&event| self.named(event));
        events.filter(|(_, count)| *count < least).map(|(name, count)| format!("{name}: {count}")).collect()
    }

    fn named(&self, event: Event) -> (&'static str, u64) {
        (NAMES[event as usize], self.of(event))
    }
}

const fn is_of_descriptions(event: Event) -> bool {
    matches!(event, Event::Compiled | Event::Rejected)
}

impl Display for Coverage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, count) in NAMES.iter().zip(self.counts).filter(|(_, count)| *count > 0) {
            writeln!(f, "{count:>14}  {name}")?;
        }
        Ok(())
    }
}
