//! The blocking forms, on top of those that never wait.

use aerostat_transport::{Dma, Transport, Wait};
use core::ops::ControlFlow;

use crate::declare::BalloonFeatureSet;
use crate::error::BalloonError;
use crate::live::Core;
use crate::platform::Frames;

/// Calls `poll` until it has something to return, and waits in between as long as the device answers.
pub(crate) fn block<T: Transport, P: Dma + Frames, L: BalloonFeatureSet, R>(
    core: &mut Core<T, P, L>,
    wait: &mut impl Wait,
    mut poll: impl FnMut(&mut Core<T, P, L>) -> Result<Option<R>, BalloonError>,
) -> Result<R, BalloonError> {
    let mut attempt = 0_u32;
    let mut seen = core.acknowledged;
    loop {
        if let Some(done) = poll(core)? {
            return Ok(done);
        }
        if seen != core.acknowledged {
            seen = core.acknowledged;
            attempt = 0;
        }
        if wait.wait(attempt) == ControlFlow::Break(()) {
            // A last look: the wait may have taken longer than the device.
            return poll(core)?.ok_or_else(|| core.no_answer().into());
        }
        attempt = attempt.saturating_add(1);
    }
}
