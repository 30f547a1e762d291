//! Freezing and restoring the balloon, and its recovery from an error of the device.
//!
//! After an error the device is reset at once, so that the kernel owns all frames again. The balloon is restored after a
//! pause. A device that keeps failing is not used any more.

use core::time::Duration;

use aerostat_balloon::BalloonError;
use aerostat_balloon::transport::InterruptStatus;
use log::{error, info};

use super::Balloon;
use super::driver::Driver;
use crate::kernel::alarm::Alarm;
use crate::kernel::arch;
use crate::kernel::virtio::SIGNAL;

/// The time between an error and the attempt to recover from it.
const PAUSE: Duration = Duration::from_secs(1);
/// Errors after which the device is not used any more.
const MAX_ERRORS: u32 = 5;
/// Time without an error after which earlier errors no longer count.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Decides when the balloon is restored after an error.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    next: Alarm,
    errors: u32,
    last_error: Duration,
}

impl Recovery {
    /// Counts an error, and schedules an attempt to recover unless there were too many.
    fn schedule(&mut self) {
        let now = arch::now();
        if now.saturating_sub(self.last_error) > FORGET_AFTER {
            self.errors = 0;
        }
        self.last_error = now;
        self.errors += 1;
        if self.errors < MAX_ERRORS {
            self.next.set(PAUSE);
        } else {
            error!("the balloon is not used any more, because it failed {MAX_ERRORS} times");
        }
    }
}

impl Balloon {
    /// Resets the device after an error.
    pub(super) fn fail(&mut self, error: BalloonError) {
        error!("the balloon is reset: {error}");
        self.reset();
    }

    /// Resets the device without deflating the balloon. The balloon is restored after a pause.
    pub(crate) fn reset(&mut self) {
        self.change(Driver::reset);
        self.recovery.schedule();
    }

    /// Restores the balloon if it is time to.
    pub(super) fn recover_if_due(&mut self) {
        if !self.recovery.next.expired() {
            return;
        }
        // The device may not have finished its last reset.
        self.change(Driver::reset);
        self.restore();
        if self.is_live() {
            info!("the balloon is restored after a reset");
        }
    }

    /// Freezes the balloon, as a kernel does before the machine sleeps.
    pub(crate) fn freeze(&mut self) {
        self.recovery.next.cancel();
        self.change(Driver::freeze);
    }

    /// Restores the balloon, as a kernel does after the machine has slept.
    pub(crate) fn restore(&mut self) {
        self.change(Driver::restore);
        if !self.is_live() {
            self.recovery.schedule();
            return;
        }
        // Every context runs once with the restored device.
        SIGNAL.raise(InterruptStatus::ANY);
        self.follow.restart();
    }

    fn is_live(&self) -> bool {
        matches!(self.driver, Some(Driver::Live(_)))
    }

    fn change(&mut self, change: fn(Driver) -> Driver) {
        self.driver = self.driver.take().map(change);
    }
}
