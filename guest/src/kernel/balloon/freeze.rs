//! Freezing and restoring the balloon, as a kernel does around a sleep of the machine.

use core::time::Duration;

use aerostat_balloon::transport::Causes;
use aerostat_guest::Options;
use log::error;

use super::features::Wants;
use super::{Driver, Live, SIGNAL, give_up};
use crate::kernel::alarm::Alarm;
use crate::kernel::console;
use crate::kernel::idle::Asleep;

/// When the balloon is frozen.
#[derive(Debug, Default)]
pub(super) struct Freeze {
    every: Option<Duration>,
    next: Alarm,
    count: u64,
}

impl Freeze {
    pub(super) fn new(options: &Options) -> Self {
        Self { every: options.freeze, ..Self::default() }
    }

    fn is_due(&mut self) -> bool {
        if let Some(every) = self.every {
            self.next.set_if_off(every);
        }
        self.next.rings()
    }
}

impl<L: Wants> Live<L> {
    /// Freezes and restores the balloon if it is time to.
    pub(super) fn freeze_if_due(&mut self) {
        if !self.freeze.is_due() {
            return;
        }
        let Some(driver) = self.driver.take() else { return };
        self.driver = freeze_and_restore(driver);
        self.freeze.count += 1;
        if self.freeze.count.is_multiple_of(10) {
            console::print(format_args!("frozen {} times\n", self.freeze.count));
        }
        // Everybody has a look at the device that is new to them.
        SIGNAL.raise(Causes::ANY);
    }
}

/// The balloon after the machine has slept, if it is still there, or else a line in the log.
fn freeze_and_restore<L: Wants>(driver: Driver<L>) -> Option<Driver<L>> {
    let frozen = driver.freeze(&mut Asleep::default());
    let frozen = frozen.map_err(|live| give_up(Some(live.balloon), live.error)).ok()?;
    // The machine could sleep here.
    let driver = frozen.restore();
    driver.map_err(|frozen| error!("the balloon cannot be restored: {}", frozen.error)).ok()
}
