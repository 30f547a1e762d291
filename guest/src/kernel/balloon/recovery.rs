//! When the driver recovers from an error of the device.
//!
//! After an error the device is reset at once, so that the kernel owns all frames again. While the device has not finished its
//! reset, it may still use the frames of the balloon. The reset is therefore repeated without a limit, after pauses that grow.
//! After the reset the balloon is restored. A device that keeps failing is not restored any more.

use core::time::Duration;

use log::error;

use super::driver::Driver;
use crate::kernel::alarm::Alarm;
use crate::kernel::arch;

/// The time between a reset and the restore, and between the first two resets.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time between two resets.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Errors after which the balloon is not restored any more.
const MAX_ERRORS: u32 = 5;
/// Time without an error after which earlier errors no longer count.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Decides when the next attempt to recover is due.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    next: Alarm,
    errors: u32,
    last_error: Duration,
    /// The pause before the last repeated reset. Zero if the last reset was finished.
    reset_pause: Duration,
}

impl Recovery {
    /// Counts an error.
    pub(super) fn count_error(&mut self) {
        let now = arch::now();
        if now.saturating_sub(self.last_error) > FORGET_AFTER {
            self.errors = 0;
        }
        self.last_error = now;
        self.errors = self.errors.saturating_add(1);
    }

    /// Schedules the next attempt, according to the state of the driver.
    pub(super) fn schedule(&mut self, driver: Option<&Driver>) {
        if let Some(Driver::Failed(_)) = driver {
            self.reset_pause = self.reset_pause.saturating_mul(2).clamp(PAUSE, MAX_PAUSE);
            self.next.set(self.reset_pause);
            return;
        }
        self.reset_pause = Duration::ZERO;
        self.next.cancel();
        if let Some(Driver::Frozen(_)) = driver {
            if self.errors < MAX_ERRORS {
                self.next.set(PAUSE);
            } else {
                error!("the balloon is not restored any more, because it failed {MAX_ERRORS} times");
            }
        }
    }

    /// Cancels the scheduled attempt.
    pub(super) fn cancel(&mut self) {
        self.next.cancel();
    }

    /// Returns whether an attempt is due.
    pub(super) fn is_due(&mut self) -> bool {
        self.next.expired()
    }
}
