//! Freezing and restoring the balloon, as a kernel does around a sleep of the machine.

use core::time::Duration;

use aerostat_balloon::transport::Causes;
use aerostat_guest::Options;
use log::error;

use super::features::Wants;
use super::{Live, SIGNAL};
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

/// Freezes and restores the balloon if it is time to. `None` when that did not work, which is logged.
pub(super) fn look<L: Wants>(mut live: Live<L>) -> Option<Live<L>> {
    if !live.freeze.is_due() {
        return Some(live);
    }
    // The machine could sleep between these two.
    let frozen = live.driver.freeze(&mut Asleep::default());
    let frozen = frozen.map_err(|live| error!("the balloon cannot be frozen: {}", live.error)).ok()?;
    let driver = frozen.restore();
    let driver = driver.map_err(|frozen| error!("the balloon cannot be restored: {}", frozen.error)).ok()?;

    live.freeze.count += 1;
    if live.freeze.count.is_multiple_of(10) {
        console::print(format_args!("frozen {} times\n", live.freeze.count));
    }
    // Everybody has a look at the device that is new to them.
    SIGNAL.raise(Causes::ANY);
    Some(Live { driver, ..live })
}
