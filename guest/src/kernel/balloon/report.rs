//! When free memory is reported.

use core::task::{Context, Poll};
use core::time::Duration;

use aerostat_balloon::Source;
use aerostat_balloon::handles::Progress;

use crate::kernel::alarm::Alarm;
use crate::kernel::memory::FRAMES;
use crate::kernel::virtio::SIGNAL;

/// How long memory is free before it is reported. Much of it is allocated again within this time.
const SETTLE: Duration = Duration::from_millis(100);

/// Decides when free memory is reported.
#[derive(Debug)]
pub(super) struct Report {
    /// Whether free memory is reported at all.
    is_on: bool,
    next: Alarm,
    is_waiting: bool,
}

impl Report {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, next: Alarm::default(), is_waiting: false }
    }

    /// Returns whether a step is due.
    pub(super) fn is_due(&mut self) -> bool {
        self.is_settled() || self.is_waiting && !SIGNAL.take(Source::Reporting).is_none()
    }

    /// Polls for a step that is due, for a future.
    pub(super) fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.is_settled() {
            true => Poll::Ready(()),
            false => SIGNAL.poll(Source::Reporting, context).map(|_| ()),
        }
    }

    /// Notes what a step has left to do.
    pub(super) fn done(&mut self, progress: Progress) {
        // The device interrupts when it is done.
        self.is_waiting = progress == Progress::Waiting;
    }

    fn is_settled(&mut self) -> bool {
        if FRAMES.lock().has_new_blocks() && self.is_on {
            self.next.set_if_unset(SETTLE);
        }
        self.next.expired()
    }
}
