//! Alarms: points in time at which the kernel has work to do.

use core::time::Duration;

use super::{arch, idle};

/// A point in time at which a part of the kernel has work to do, if one is set.
///
/// The kernel wakes at that time only if the alarm was set or [checked](Self::expired) since the kernel last slept. Check
/// every alarm on each pass of the kernel's loop.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alarm {
    at: Option<Duration>,
}

impl Alarm {
    /// Returns an alarm that expires after `pause`.
    pub(crate) fn after(pause: Duration) -> Self {
        let mut alarm = Self::default();
        alarm.set(pause);
        alarm
    }

    /// Sets the alarm to expire after `pause`, in place of any earlier setting.
    pub(crate) fn set(&mut self, pause: Duration) {
        let at = arch::now().saturating_add(pause);
        self.at = Some(at);
        idle::wake_at(at);
    }

    /// Sets the alarm to expire after `pause`, unless it is set already.
    pub(crate) fn set_if_unset(&mut self, pause: Duration) {
        if self.at.is_none() {
            self.set(pause);
        }
    }

    /// Clears the alarm.
    pub(crate) fn cancel(&mut self) {
        self.at = None;
    }

    /// Returns whether the time has come, and clears the alarm if so. Otherwise the kernel will wake at that time.
    pub(crate) fn expired(&mut self) -> bool {
        match self.at {
            None => false,
            Some(at) if at <= arch::now() => {
                self.cancel();
                true
            }
            Some(at) => {
                idle::wake_at(at);
                false
            }
        }
    }
}
