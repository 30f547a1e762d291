//! Moments to come.

use core::time::Duration;

use super::{arch, idle};

/// A moment at which somebody has something to do, if any. The kernel wakes for it if the alarm was set or asked since the
/// kernel last slept: so ask in every turn of the kernel's loop.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alarm {
    at: Option<Duration>,
}

impl Alarm {
    /// An alarm that rings after `pause`.
    pub(crate) fn after(pause: Duration) -> Self {
        let mut alarm = Self::default();
        alarm.set(pause);
        alarm
    }

    /// Rings after `pause`, and not at any time that was set before.
    pub(crate) fn set(&mut self, pause: Duration) {
        let at = arch::now().saturating_add(pause);
        self.at = Some(at);
        idle::wake_at(at);
    }

    /// Rings after `pause`, unless it is set already.
    pub(crate) fn set_if_off(&mut self, pause: Duration) {
        if self.at.is_none() {
            self.set(pause);
        }
    }

    /// Does not ring.
    pub(crate) fn off(&mut self) {
        self.at = None;
    }

    /// Whether the moment has come, which is so once. Else the kernel will wake then.
    pub(crate) fn rings(&mut self) -> bool {
        match self.at {
            None => false,
            Some(at) if at <= arch::now() => {
                self.off();
                true
            }
            Some(at) => {
                idle::wake_at(at);
                false
            }
        }
    }
}
