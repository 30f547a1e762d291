//! Following the target, one bounded step at a time.

use core::time::Duration;

use crate::core::{Core, ReleaseWhen, Supply};
use crate::error::{BalloonError, FrameError};
use crate::features::Types;

/// Whether a step reached the target, and when to make the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the step says when to call `service` or `retry` next"]
pub enum Step {
    /// The balloon has the size that the host wants: call again when the configuration changes.
    OnTarget,
    /// The device has arrays of page numbers: call again after its interrupt, or at any time.
    Waiting,
    /// The balloon cannot inflate now: call [`retry`](crate::Balloon::retry) with the pause when it is over.
    Paused(Pause),
}

/// A pause in which the balloon does not inflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How long to wait before [`retry`](crate::Balloon::retry). For [`PauseReason::OomBackoff`] it counts from the last call
    /// of [`deflate_on_oom`](crate::Balloon::deflate_on_oom).
    pub retry_after: Duration,
    /// Why the balloon does not inflate.
    pub reason: PauseReason,
    /// The round of the backoff that the pause belongs to.
    pub(crate) round: u32,
}

/// Why the balloon does not inflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// The kernel cannot spare a frame ("out of puff"). `service` may be called earlier, when frames become free.
    OutOfFrames,
    /// The kernel has no free frames beyond its [reserve](crate::Options::reserve). `service` may be called earlier, when frames
    /// become free.
    AtReserve,
    /// The kernel cannot spare a frame that the balloon can take: others were outside [`Frames::range`](crate::Frames::range),
    /// or at or above 16 TiB, and went back. For memory that was added since, freeze and [restore](crate::Balloon::restore)
    /// the balloon, or see [`Frames::set_usable`](crate::Frames::set_usable).
    Unusable(FrameError),
    /// The kernel was out of memory and has taken pages out of the balloon.
    OomBackoff,
}

impl<C: Types> Core<C> {
    /// Returns the number of frames that the host wants and does not have.
    pub(crate) fn missing(&self) -> Result<u64, BalloonError> {
        Ok(self.target_frames()?.saturating_sub(self.held()))
    }

    /// Returns the number of frames that the host has and does not want.
    pub(crate) fn surplus(&self) -> Result<u64, BalloonError> {
        Ok(self.held().saturating_sub(self.target_frames()?))
    }
}

/// Makes one bounded step toward a size of `target` frames. The used arrays were taken back before.
pub(crate) fn step_toward<C: Types>(core: &mut Core<C>, target: u64) -> Result<Step, BalloonError> {
    let held = core.held();
    let missing = target.saturating_sub(held).min(u32::MAX.into()) as u32;
    let surplus = held.saturating_sub(target).min(u32::MAX.into()) as u32;
    let backoff = core.backoff.pause().filter(|_| missing > 0);
    let mut supply = Supply::More;
    // Never both directions at once: the host could see the pages in another order.
    if missing > 0 && !core.deflate.is_busy() && backoff.is_none() {
        supply = core.inflate_by(missing)?.supply;
    } else if surplus > 0 && !core.inflate.is_busy() {
        core.deflate_by(surplus, ReleaseWhen::Acknowledged);
    }
    if core.inflate.is_busy() || core.deflate.is_busy() {
        return Ok(Step::Waiting);
    }
    if let Some((retry_after, round)) = backoff {
        return Ok(Step::Paused(Pause { retry_after, reason: PauseReason::OomBackoff, round }));
    }
    let reason = match supply {
        Supply::More => {
            core.backoff.on_target();
            return Ok(Step::OnTarget);
        }
        Supply::Exhausted => PauseReason::OutOfFrames,
        Supply::AtReserve => PauseReason::AtReserve,
        Supply::Unusable(error) => PauseReason::Unusable(error),
    };
    core.log_exhausted(target, supply);
    let (retry_after, round) = (core.options.retry_after, core.backoff.round());
    Ok(Step::Paused(Pause { retry_after, reason, round }))
}
