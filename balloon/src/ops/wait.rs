//! The blocking forms, built on those that never wait.

use core::ops::ControlFlow;
use core::task::Poll;

use aerostat_transport::Wait;

use crate::core::Core;
use crate::error::BalloonError;
use crate::features::Types;

/// Calls `poll` until it is ready, and waits in between while the device makes progress.
pub(crate) fn block_on<C: Types, R>(
    core: &mut Core<C>,
    wait: &mut impl Wait,
    mut poll: impl FnMut(&mut Core<C>) -> Result<Poll<R>, BalloonError>,
) -> Result<R, BalloonError> {
    let mut attempt = 0_u32;
    let mut acknowledged = core.counters.acknowledged;
    loop {
        if let Poll::Ready(done) = poll(core)? {
            return Ok(done);
        }
        if acknowledged != core.counters.acknowledged {
            acknowledged = core.counters.acknowledged;
            attempt = 0;
        }
        if wait.wait(attempt) == ControlFlow::Break(()) {
            // The device may have answered during the wait, so `poll` is called once more.
            return match poll(core)? {
                Poll::Ready(done) => Ok(done),
                Poll::Pending => Err(core.no_answer()),
            };
        }
        attempt = attempt.saturating_add(1);
    }
}
