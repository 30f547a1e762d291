//! When free memory is reported.

use core::task::{Context, Poll};
use core::time::Duration;

use aerostat_balloon::{Reported, Source};

use super::SIGNAL;
use crate::kernel::alarm::Alarm;
use crate::kernel::memory::FRAMES;

/// How long memory has to be free before the host hears of it: much of it is in use again at once.
const SETTLE: Duration = Duration::from_millis(100);

/// What there is to report.
#[derive(Debug, Default)]
pub(super) struct Report {
    next: Alarm,
    is_waiting: bool,
}

impl Report {
    /// Whether it is time for a step.
    pub(super) fn is_due(&mut self) -> bool {
        self.is_settled() || self.is_waiting && !SIGNAL.take(Source::Reporting).is_none()
    }

    /// The same, for a future.
    pub(super) fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.is_settled() {
            true => Poll::Ready(()),
            false => SIGNAL.poll(Source::Reporting, context).map(|_| ()),
        }
    }

    /// Notes what a step has left to do.
    pub(super) fn done(&mut self, reported: Reported) {
        // The device interrupts when it is done.
        self.is_waiting = reported == Reported::Waiting;
    }

    fn is_settled(&mut self) -> bool {
        if FRAMES.lock().has_news() {
            self.next.set_if_off(SETTLE);
        }
        self.next.rings()
    }
}
