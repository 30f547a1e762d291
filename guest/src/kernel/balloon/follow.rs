//! Following the host's target.

use core::task::{Context, Poll};
use core::time::Duration;

use aerostat_balloon::{Balloon, BalloonError, LiveState, Pages, Source, Step};
use aerostat_guest::{Options, Touch};
use log::info;

use super::SIGNAL;
use crate::kernel::alarm::Alarm;
use crate::kernel::memory;

/// Why there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The device has interrupted, or frames may be free by now that were not.
    Look,
    /// The pause is over that began when the kernel was out of memory.
    HoldOffOver,
}

/// Where the kernel stands with regard to the target.
#[derive(Debug)]
pub(super) struct Follow {
    /// The size of the balloon when it was on target last.
    size: Pages,
    /// When to look for free frames again.
    frames: Alarm,
    /// When the balloon need not hold off any longer.
    hold_off: Alarm,
    /// When to write to memory: maybe to that which comes out of the balloon.
    touch: Touch,
}

impl Follow {
    pub(super) fn new(options: &Options) -> Self {
        Self { size: Pages(0), frames: Alarm::default(), hold_off: Alarm::default(), touch: options.touch }
    }

    /// Why there is something to do, if there is.
    pub(super) fn cause(&mut self) -> Option<Cause> {
        self.alarm().or_else(|| (!SIGNAL.take(Source::Balloon).is_none()).then_some(Cause::Look))
    }

    /// The same, for a future.
    pub(super) fn poll_cause(&mut self, context: &mut Context<'_>) -> Poll<Cause> {
        match self.alarm() {
            Some(cause) => Poll::Ready(cause),
            None => SIGNAL.poll(Source::Balloon, context).map(|_| Cause::Look),
        }
    }

    fn alarm(&mut self) -> Option<Cause> {
        let (frames, hold_off) = (self.frames.rings(), self.hold_off.rings());
        hold_off.then_some(Cause::HoldOffOver).or(frames.then_some(Cause::Look))
    }

    /// One step toward the target.
    pub(super) fn step<S: LiveState>(&mut self, driver: &mut Balloon<S>, cause: Cause) -> Result<(), BalloonError> {
        let step = match cause {
            Cause::Look => driver.service(),
            Cause::HoldOffOver => driver.retry(),
        };
        match step? {
            Step::OnTarget => self.on_target(driver.size()),
            // The device interrupts when it is done.
            Step::Waiting => {}
            // Either pause goes on while interrupts come in between.
            Step::OutOfFrames { retry_after } => self.frames.set_if_off(retry_after),
            Step::HeldOff { retry_after } => self.hold_off.set_if_off(retry_after),
        }
        Ok(())
    }

    /// The size of the balloon when it was on target last.
    pub(super) fn size(&self) -> Pages {
        self.size
    }

    /// The kernel was out of memory: the hold-off begins anew. The next step says how long it is.
    pub(super) fn relieved(&mut self) {
        self.hold_off.off();
        self.frames.set(Duration::ZERO);
    }

    fn on_target(&mut self, size: Pages) {
        let before = core::mem::replace(&mut self.size, size);
        if size < before && self.touch == Touch::Always {
            memory::touch();
        }
        if size != before {
            info!("balloon: {} MiB", size.bytes() >> 20);
        }
    }
}
