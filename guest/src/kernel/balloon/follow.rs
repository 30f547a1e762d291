//! Following the host's target.

use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll};

use aerostat_balloon::ops::Pause;
use aerostat_balloon::{Balloon, BalloonError, LiveState, Pages, Source, Step};
use log::info;

use crate::kernel::alarm::Alarm;
use crate::kernel::idle;
use crate::kernel::virtio::SIGNAL;

/// The pages in the balloon when it last reached its target.
static SIZE: AtomicU32 = AtomicU32::new(0);

/// Returns the size of the balloon when it last reached its target.
pub(crate) fn size() -> Pages {
    Pages(SIZE.load(Ordering::Relaxed))
}

/// A step toward the target that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A step after an interrupt or a restart.
    Service,
    /// A step after a pause of the balloon.
    Retry(Pause),
}

/// Follows the target step by step.
#[derive(Debug, Default)]
pub(super) struct Follow {
    /// Whether a step is due without an interrupt.
    restart: bool,
    /// The pause of the balloon, and its end.
    pause: Option<Pause>,
    end: Alarm,
}

impl Follow {
    /// Returns the step that is due, if any.
    pub(super) fn due(&mut self) -> Option<Due> {
        self.due_without_interrupt().or_else(|| (!SIGNAL.take(Source::Balloon).is_none()).then_some(Due::Service))
    }

    /// Polls for a step that is due, for a future.
    pub(super) fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        match self.due_without_interrupt() {
            Some(due) => Poll::Ready(due),
            None => SIGNAL.poll(Source::Balloon, context).map(|_| Due::Service),
        }
    }

    fn due_without_interrupt(&mut self) -> Option<Due> {
        if core::mem::take(&mut self.restart) {
            return Some(Due::Service);
        }
        if self.end.expired() { self.pause.take().map(Due::Retry) } else { None }
    }

    /// Makes one step toward the target.
    pub(super) fn step<S: LiveState>(&mut self, driver: &mut Balloon<S>, due: Due) -> Result<(), BalloonError> {
        let step = match due {
            Due::Service => driver.service()?,
            Due::Retry(pause) => driver.retry(pause)?,
        };
        match step {
            Step::OnTarget => on_target(driver.size()),
            // The device interrupts when it is done.
            Step::Waiting => {}
            Step::Paused(pause) => self.pause(pause),
        }
        Ok(())
    }

    /// Ends the pause and makes a step due, because the kernel has deflated or restored the balloon. The step returns the
    /// new pause, if any.
    ///
    /// It does not raise [`SIGNAL`], which would concern the other contexts too: hinting could end a round early.
    pub(super) fn restart(&mut self) {
        self.pause = None;
        self.end.cancel();
        self.restart = true;
        idle::wake();
    }

    /// Sets the alarm for the end of a pause, unless it is set: the same pause goes on while interrupts arrive.
    fn pause(&mut self, pause: Pause) {
        if self.pause.is_none_or(|old| old.reason != pause.reason) {
            self.pause = Some(pause);
            self.end.set(pause.retry_after);
        }
    }
}

/// Publishes the size of a balloon that has reached its target.
fn on_target(size: Pages) {
    let before = Pages(SIZE.swap(size.0, Ordering::Relaxed));
    if size != before {
        info!("balloon: {} MiB", size.bytes() >> 20);
        idle::wake();
    }
}
