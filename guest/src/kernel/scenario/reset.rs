//! Resetting the device of the balloon, as the kernel does after an error of the device.

use aerostat_guest::Options;
use log::info;

use crate::kernel::alarm::Alarm;
use crate::kernel::balloon::Balloon;

/// When the device is reset.
#[derive(Debug, Default)]
pub(super) struct Reset {
    next: Alarm,
}

impl Reset {
    pub(super) fn new(options: &Options) -> Self {
        Self { next: options.reset.map(Alarm::after).unwrap_or_default() }
    }

    /// Resets the device if it is time to.
    pub(super) fn poll(&mut self, balloon: &mut Balloon) {
        if self.next.expired() {
            info!("the balloon is reset as requested");
            balloon.reset();
        }
    }
}
