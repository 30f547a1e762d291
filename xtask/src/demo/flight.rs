//! The flight itself: from target to target, with a limit on every wait, over any device.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::plan::Plan;
use crate::{process::interrupt, qemu::statistics::Statistics, units::Bytes};

/// How often things are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Resident memory that changes by no more between two looks has come to rest.
const STEADY: Bytes = Bytes::from_mib(1);

/// A guest with a balloon.
pub(crate) trait Aircraft {
    /// Tells what the guest is to have.
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()>;
    /// What there is now. An error where the guest or its device has failed.
    fn sample(&mut self) -> anyhow::Result<Gauges>;
    /// The error to report for a guest that does not follow its target: it carries the last that was heard.
    fn lost(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error;
    /// Ends in good order.
    fn land(self: Box<Self>) -> anyhow::Result<()>;
}

/// What an aircraft shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauges {
    /// What the guest has, by the device's account.
    pub(crate) actual: Bytes,
    /// What the guest told last of its memory.
    pub(crate) statistics: Option<Statistics>,
    /// The host's resident memory.
    pub(crate) resident: Bytes,
}

/// The gauges at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Time since the start.
    pub(crate) at: Duration,
    pub(crate) target: Bytes,
    pub(crate) gauges: Gauges,
}

/// One target, reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) target: Bytes,
    pub(crate) actual: Bytes,
    pub(crate) elapsed: Duration,
    pub(crate) resident_before: Bytes,
    pub(crate) resident_after: Bytes,
}

impl Step {
    /// For a reader.
    pub(crate) fn sentence(&self) -> String {
        let Self { actual, resident_before, resident_after, .. } = self;
        let seconds = self.elapsed.as_secs_f64();
        format!(
            "The guest has {actual} after {seconds:.2} s; resident memory went from {resident_before} to {resident_after}."
        )
    }
}

/// What an onlooker is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Sample(Sample),
    Step(Step),
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Without any change of what the guest has.
    pub(crate) standstill: Duration,
    /// To a target.
    pub(crate) step: Duration,
    /// For resident memory to follow, once the target is reached.
    pub(crate) settling: Duration,
}

impl Limits {
    /// The usual ones.
    pub(crate) fn of(plan: &Plan) -> Self {
        let gibs = plan.memory.less(plan.target).mib().div_ceil(1024);
        Self {
            standstill: Duration::from_secs(30),
            step: Duration::from_secs(60 + 60 * gibs),
            settling: Duration::from_secs(10 + 20 * gibs),
        }
    }
}

/// Resident memory did not follow the balloon.
#[derive(Debug, thiserror::Error)]
#[error(
    "the guest went from {from} to {target}, but resident memory only from {before} to {after}; \
     it has to follow by at least {least} (by 700 of each 768 MiB)"
)]
pub(crate) struct NotFollowed {
    from: Bytes,
    target: Bytes,
    before: Bytes,
    after: Bytes,
    least: Bytes,
}

/// Takes `aircraft` through `plan` and tells `onlooker` of it.
pub(crate) fn fly(plan: &Plan, aircraft: &mut dyn Aircraft, onlooker: &mut dyn FnMut(Event)) -> anyhow::Result<()> {
    fly_within(plan, Limits::of(plan), aircraft, onlooker)
}

/// As [`fly`], with limits of the caller's.
pub(crate) fn fly_within(
    plan: &Plan,
    limits: Limits,
    aircraft: &mut dyn Aircraft,
    onlooker: &mut dyn FnMut(Event),
) -> anyhow::Result<()> {
    Flight { plan, aircraft, onlooker, start: Instant::now(), target: plan.memory, limits }.all()
}

struct Flight<'a> {
    plan: &'a Plan,
    aircraft: &'a mut dyn Aircraft,
    onlooker: &'a mut dyn FnMut(Event),
    start: Instant,
    target: Bytes,
    limits: Limits,
}

impl Flight<'_> {
    fn all(&mut self) -> anyhow::Result<()> {
        for target in self.plan.targets() {
            let from = self.target;
            let step = self.step(target)?;
            (self.onlooker)(Event::Step(step));
            if !self.follows(&step) {
                let Step { resident_before: before, resident_after: after, .. } = step;
                return Err(NotFollowed { from, target, before, after, least: self.plan.least_change() }.into());
            }
        }
        Ok(())
    }

    fn step(&mut self, target: Bytes) -> anyhow::Result<Step> {
        let before = self.look()?;
        self.target = target;
        let start = Instant::now();
        self.aircraft.set_target(target)?;
        let reached = self.follow(before.actual)?;
        let mut step = Step {
            target,
            actual: reached.actual,
            elapsed: start.elapsed(),
            resident_before: before.resident,
            resident_after: reached.resident,
        };
        // A guest that gets memory back writes to it only then, so it is awaited until it has done so.
        let settled = Instant::now() + self.limits.settling;
        while Instant::now() < settled {
            self.pause()?;
            let before = std::mem::replace(&mut step.resident_after, self.look()?.resident);
            let is_steady = before.less(step.resident_after).max(step.resident_after.less(before)) <= STEADY;
            if is_steady && self.follows(&step) {
                break;
            }
        }
        Ok(step)
    }

    /// Whether resident memory has followed the balloon, down or up.
    fn follows(&self, step: &Step) -> bool {
        let &Step { resident_before: before, resident_after: after, .. } = step;
        let change = if step.target < self.plan.memory { before.less(after) } else { after.less(before) };
        change >= self.plan.least_change()
    }

    /// Waits until the guest has what it is to have.
    fn follow(&mut self, from: Bytes) -> anyhow::Result<Gauges> {
        let start = Instant::now();
        let (mut actual, mut changed) = (from, start);
        loop {
            let gauges = self.look()?;
            if gauges.actual == self.target {
                return Ok(gauges);
            }
            let now = Instant::now();
            if gauges.actual != actual {
                (actual, changed) = (gauges.actual, now);
            }
            let Limits { standstill, step, .. } = self.limits;
            if now - changed >= standstill {
                return Err(self.aircraft.lost(actual, standstill));
            }
            if now - start >= step {
                return Err(self.aircraft.lost(actual, step));
            }
            self.pause()?;
        }
    }

    fn look(&mut self) -> anyhow::Result<Gauges> {
        let gauges = self.aircraft.sample()?;
        (self.onlooker)(Event::Sample(Sample { at: self.start.elapsed(), target: self.target, gauges }));
        Ok(gauges)
    }

    fn pause(&self) -> anyhow::Result<()> {
        interrupt::check()?;
        thread::sleep(LOOK.min(self.limits.standstill));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
