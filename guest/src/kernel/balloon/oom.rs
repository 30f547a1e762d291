//! Deflation when the kernel is out of memory.

use aerostat_balloon::BalloonError;
use aerostat_balloon::transport::Wait as _;
use spin::Mutex;

use super::driver::Live;
use crate::kernel::wait::Sleep;
use crate::kernel::{idle, platform};

/// Where an allocation that fails meets the balloon.
pub(crate) static OOM: Oom = Oom(Mutex::new(State::Idle));

/// A request for memory of the balloon, and its answer. There is one at a time.
#[derive(Debug)]
pub(crate) struct Oom(Mutex<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Requested,
    Answered { frames: u32 },
}

impl Oom {
    /// Requests memory of the balloon.
    pub(crate) fn request(&self) {
        platform::statistics::count_stall();
        *self.0.lock() = State::Requested;
        idle::wake();
    }

    /// Returns the number of frames that were deflated for the request, or `None` while there is no answer. No frames means
    /// that the balloon is empty, or that the device does not let the kernel have them.
    pub(crate) fn take_answer(&self) -> Option<u32> {
        let mut state = self.0.lock();
        let State::Answered { frames } = *state else { return None };
        *state = State::Idle;
        Some(frames)
    }

    /// Returns whether the balloon has to answer.
    pub(super) fn is_requested(&self) -> bool {
        *self.0.lock() == State::Requested
    }

    /// Answers a request.
    pub(super) fn answer(&self, frames: u32) {
        *self.0.lock() = State::Answered { frames };
        idle::wake();
    }

    /// Answers a request, if there is one, while the balloon is not live.
    pub(super) fn reject(&self) {
        if self.is_requested() {
            self.answer(0);
        }
    }
}

/// Deflates the balloon, and returns the number of frames. Waits for the device if it has to acknowledge them, or if it has all
/// memory of the balloon in reports.
pub(super) fn deflate(driver: &mut Live) -> Result<u32, BalloonError> {
    let mut wait = Sleep::default();
    for attempt in 0.. {
        let frames = match driver.deflate_on_oom() {
            Some(deflation) => deflation.tell_host().wait(&mut wait)?,
            // The device does not offer DEFLATE_ON_OOM: the host keeps the memory.
            None => return Ok(0),
        };
        if frames > 0 || driver.in_flight() == 0 || wait.wait(attempt).is_break() {
            return Ok(frames);
        }
    }
    Ok(0)
}
