//! Following the target, one bounded step at a time.

use core::time::Duration;

use crate::core::{Core, ReleaseWhen, StepReports, Supply};
use crate::error::{BalloonError, FrameError};
use crate::features::Types;

/// Whether a step reached the target, and when to make the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the step says when to call `service` or `retry` next"]
pub enum Step {
    /// The balloon has the size that the host wants: call again when the configuration changes.
    OnTarget,
    /// The device has arrays of page numbers or reports of blocks: call again after its interrupt, or at any time.
    Waiting,
    /// The balloon cannot go on now: call [`retry`](crate::Balloon::retry) with the pause when it is over.
    Paused(Pause),
}

/// A pause in which the balloon does not follow its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How long to wait before [`retry`](crate::Balloon::retry). For [`PauseReason::OomBackoff`] it counts from the last call
    /// of [`deflate_on_oom`](crate::Balloon::deflate_on_oom).
    pub retry_after: Duration,
    /// Why the balloon does not go on.
    pub reason: PauseReason,
    /// The round of the backoff that the pause belongs to.
    pub(crate) round: u32,
}

/// Why the balloon does not go on.
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
    /// A step returns at most 1024 blocks of [block inflation](crate::feature::BlockInflation) to the kernel, and more have to go back.
    /// The pause is 0: no interrupt follows, so that the kernel decides when the next step is.
    BlocksLeft,
}

/// Blocks of block inflation that a step returns to the kernel, at most.
const BLOCKS: u32 = 1024;

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

/// Makes one bounded step toward a size of `target` frames. The used arrays and reports were taken back before. Blocks are inflated
/// through `queue`.
pub(crate) fn step_toward<C: Types>(
    core: &mut Core<C>,
    queue: StepReports<'_, C>,
    target: u64,
) -> Result<Step, BalloonError> {
    let held = core.held();
    let missing = target.saturating_sub(held).min(u32::MAX.into()) as u32;
    let surplus = held.saturating_sub(target).min(u32::MAX.into()) as u32;
    let backoff = core.backoff.pause().filter(|_| missing > 0);
    let (mut supply, mut is_waiting, mut is_limited) = (Supply::More, false, false);
    // Never both directions at once: the host could see the pages in another order.
    if missing > 0 && !core.deflate.is_busy() && backoff.is_none() {
        let rest = core.inflate_blocks(queue, missing)?;
        is_waiting = rest.is_waiting;
        supply = core.inflate_by(rest.frames)?.supply;
    } else if surplus > 0 && !core.inflate.is_busy() {
        let step = core.frames_of_blocks(BLOCKS).map_or(surplus, |frames| frames.min(surplus));
        core.deflate_by(step, ReleaseWhen::Acknowledged);
        core.write_actual_of_blocks()?;
        is_limited = step < surplus;
        // The owner of the reporting queue has not unmapped all blocks yet.
        is_waiting = !is_limited && core.held() > target && core.held_in_blocks() > 0;
    }
    if core.inflate.is_busy() || core.deflate.is_busy() || is_waiting || core.frames_in_flight() > 0 {
        return Ok(Step::Waiting);
    }
    core.expect_blocks();
    if is_limited {
        // The round before ends no backoff.
        let round = core.backoff.round().wrapping_sub(1);
        return Ok(Step::Paused(Pause { retry_after: Duration::ZERO, reason: PauseReason::BlocksLeft, round }));
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
