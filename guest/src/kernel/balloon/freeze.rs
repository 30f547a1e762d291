//! Freezing and restoring the balloon, as a kernel does around a sleep of the machine.

use aerostat_balloon::transport::InterruptStatus;
use aerostat_guest::{Freeze as When, Options};
use log::error;

use super::features::Wants;
use super::{Driver, Live, SIGNAL, give_up};
use crate::kernel::alarm::Alarm;
use crate::kernel::console::{self, Keyboard};
use crate::kernel::idle::{self, Asleep};

/// When the balloon is frozen.
#[derive(Debug, Default)]
pub(super) struct Freeze {
    when: Option<When>,
    next: Alarm,
    keyboard: Keyboard,
    count: u64,
}

impl Freeze {
    pub(super) fn new(options: &Options) -> Self {
        Self { when: options.freeze, ..Self::default() }
    }

    fn is_due(&mut self) -> bool {
        match self.when {
            None => false,
            Some(When::Every(pause)) => {
                self.next.set_if_off(pause);
                self.next.rings()
            }
            Some(When::ByKey) => self.keyboard.is_pressed(),
        }
    }

    /// The machine sleeps here.
    fn sleep(&mut self) {
        if self.when == Some(When::ByKey) {
            console::print(format_args!("frozen until a key is pressed\n"));
            while !self.keyboard.is_pressed() {
                idle::wait();
            }
        }
    }
}

impl<L: Wants> Live<L> {
    /// Freezes and restores the balloon if it is time to.
    pub(super) fn freeze_if_due(&mut self) {
        if !self.freeze.is_due() {
            return;
        }
        let Some(driver) = self.driver.take() else { return };
        self.driver = freeze_and_restore(driver, &mut self.freeze);
        self.freeze.count += 1;
        if self.freeze.count.is_multiple_of(10) {
            console::print(format_args!("frozen {} times\n", self.freeze.count));
        }
        // Everybody has a look at the device that is new to them.
        SIGNAL.raise(InterruptStatus::ANY);
    }
}

/// The balloon after the machine has slept, if it is still there, or else a line in the log.
fn freeze_and_restore<L: Wants>(driver: Driver<L>, freeze: &mut Freeze) -> Option<Driver<L>> {
    let frozen = driver.freeze(&mut Asleep::default());
    let frozen = frozen.map_err(|live| give_up(Some(live.balloon), live.error)).ok()?;
    freeze.sleep();
    let driver = frozen.restore();
    driver.map_err(|frozen| error!("the balloon cannot be restored: {}", frozen.error)).ok()
}
