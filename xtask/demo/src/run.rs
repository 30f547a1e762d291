//! A run of the demo: sets the targets of a plan one after the other, on any device. Every wait has a time limit.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask_common::{bytes::Bytes, process::interrupt};
use xtask_qemu::statistics::Statistics;

use super::plan::Plan;

/// The interval between samples.
const INTERVAL: Duration = Duration::from_millis(50);
/// Resident memory is steady when it changes by at most this much between two samples.
const STEADY: Bytes = Bytes::from_mib(1);

/// A guest with a balloon.
pub trait Session {
    /// Sets the memory that the guest is to have.
    ///
    /// # Errors
    ///
    /// If the device does not accept it.
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()>;

    /// Reads the current amounts of memory.
    ///
    /// # Errors
    ///
    /// If the guest or its device has failed.
    fn sample(&mut self) -> anyhow::Result<Readings>;

    /// Returns the error for a guest that still has `actual` at the end of `limit`. It quotes the guest's last output.
    fn off_target(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error;

    /// Stops the guest.
    ///
    /// # Errors
    ///
    /// If it does not stop cleanly.
    fn stop(self: Box<Self>) -> anyhow::Result<()>;
}

/// Amounts of memory at one time.
#[derive(Clone, Copy, Debug)]
pub struct Readings {
    /// The memory that the guest has, according to the device.
    pub actual: Bytes,
    /// The last statistics of the guest.
    pub statistics: Option<Statistics>,
    /// The resident memory on the host.
    pub resident: Bytes,
}

/// Readings with their time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The time since the start of the run.
    pub at: Duration,
    /// The memory that the guest is to have.
    pub target: Bytes,
    /// The amounts of memory.
    pub readings: Readings,
}

/// A target that was reached.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The target.
    pub target: Bytes,
    /// The memory that the guest has.
    pub actual: Bytes,
    /// The time until the guest reached the target.
    pub elapsed: Duration,
    /// The resident memory before.
    pub resident_before: Bytes,
    /// The resident memory afterwards.
    pub resident_after: Bytes,
}

impl Step {
    /// Returns a sentence for users.
    pub(crate) fn sentence(&self) -> String {
        let Self { actual, resident_before, resident_after, .. } = self;
        let seconds = self.elapsed.as_secs_f64();
        format!(
            "The guest has {actual} after {seconds:.2} s; resident memory went from {resident_before} to {resident_after}."
        )
    }

    /// Returns whether resident memory followed the balloon of `plan`, down or up.
    fn is_followed(&self, plan: &Plan) -> bool {
        let &Self { resident_before: before, resident_after: after, .. } = self;
        let change = if self.target < plan.memory { before.minus(after) } else { after.minus(before) };
        change >= plan.least_change()
    }
}

/// What an observer of a run receives.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Amounts of memory.
    Sample(Sample),
    /// A target that was reached.
    Step(Step),
}

/// The time limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For any change of the memory that the guest has.
    pub no_progress: Duration,
    /// For reaching a target.
    pub step: Duration,
    /// For resident memory to follow after the target is reached.
    pub settle: Duration,
}

impl Limits {
    /// Returns limits for the amount of memory that `plan` moves.
    pub fn of(plan: &Plan) -> Self {
        let gibs = plan.memory.minus(plan.target).mib().div_ceil(1024);
        Self {
            no_progress: Duration::from_secs(30),
            step: Duration::from_secs(60 + 60 * gibs),
            settle: Duration::from_secs(10 + 20 * gibs),
        }
    }
}

/// Resident memory did not follow the balloon.
#[derive(Debug, thiserror::Error)]
#[error(
    "the guest went from {from} to {target}, but resident memory only went from {before} to {after}: \
     it must change by at least {least} (700 MiB for each 768 MiB)"
)]
struct ResidentMemoryError {
    from: Bytes,
    target: Bytes,
    before: Bytes,
    after: Bytes,
    least: Bytes,
}

/// Runs `plan` in `session` and reports to `observer`.
///
/// # Errors
///
/// If the guest fails or misses a target, or resident memory does not follow.
pub fn run(plan: &Plan, session: &mut dyn Session, observer: &mut dyn FnMut(Event)) -> anyhow::Result<()> {
    run_within(plan, Limits::of(plan), session, observer)
}

/// As [`run`], with other time limits.
///
/// # Errors
///
/// As [`run`].
pub fn run_within(
    plan: &Plan,
    limits: Limits,
    session: &mut dyn Session,
    observer: &mut dyn FnMut(Event),
) -> anyhow::Result<()> {
    Run { plan, session, observer, start: Instant::now(), target: plan.memory, limits }.all_steps()
}

struct Run<'a> {
    plan: &'a Plan,
    session: &'a mut dyn Session,
    observer: &'a mut dyn FnMut(Event),
    start: Instant,
    target: Bytes,
    limits: Limits,
}

impl Run<'_> {
    fn all_steps(&mut self) -> anyhow::Result<()> {
        for target in self.plan.targets() {
            let from = self.target;
            let step = self.step(target)?;
            (self.observer)(Event::Step(step));
            if !step.is_followed(self.plan) {
                let Step { resident_before: before, resident_after: after, .. } = step;
                return Err(ResidentMemoryError { from, target, before, after, least: self.plan.least_change() }.into());
            }
        }
        Ok(())
    }

    fn step(&mut self, target: Bytes) -> anyhow::Result<Step> {
        let before = self.sample()?;
        self.target = target;
        let start = Instant::now();
        self.session.set_target(target)?;
        let reached = self.wait_for_target(before.actual)?;
        let mut step = Step {
            target,
            actual: reached.actual,
            elapsed: start.elapsed(),
            resident_before: before.resident,
            resident_after: reached.resident,
        };
        self.settle(&mut step)?;
        Ok(step)
    }

    /// Waits until the guest has its target.
    fn wait_for_target(&mut self, from: Bytes) -> anyhow::Result<Readings> {
        let start = Instant::now();
        let (mut actual, mut changed) = (from, start);
        loop {
            let readings = self.sample()?;
            if readings.actual == self.target {
                return Ok(readings);
            }
            let now = Instant::now();
            if readings.actual != actual {
                (actual, changed) = (readings.actual, now);
            }
            let Limits { no_progress, step, .. } = self.limits;
            if now - changed >= no_progress {
                return Err(self.session.off_target(actual, no_progress));
            }
            if now - start >= step {
                return Err(self.session.off_target(actual, step));
            }
            self.pause()?;
        }
    }

    /// Waits until resident memory has followed and is steady. A guest writes to returned memory only after it has the target.
    fn settle(&mut self, step: &mut Step) -> anyhow::Result<()> {
        let deadline = Instant::now() + self.limits.settle;
        while Instant::now() < deadline {
            self.pause()?;
            let before = std::mem::replace(&mut step.resident_after, self.sample()?.resident);
            let change = before.minus(step.resident_after).max(step.resident_after.minus(before));
            if change <= STEADY && step.is_followed(self.plan) {
                break;
            }
        }
        Ok(())
    }

    fn sample(&mut self) -> anyhow::Result<Readings> {
        let readings = self.session.sample()?;
        (self.observer)(Event::Sample(Sample { at: self.start.elapsed(), target: self.target, readings }));
        Ok(readings)
    }

    fn pause(&self) -> anyhow::Result<()> {
        interrupt::check()?;
        thread::sleep(INTERVAL.min(self.limits.no_progress));
        Ok(())
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
