//! Freezing and restoring the balloon repeatedly, as a kernel does when the machine sleeps.

use aerostat_guest::{Freeze as When, Options};

use crate::kernel::alarm::Alarm;
use crate::kernel::balloon::Balloon;
use crate::kernel::console::{self, Keyboard};
use crate::kernel::idle;

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

    /// Freezes and restores the balloon if it is time to.
    pub(super) fn poll(&mut self, balloon: &mut Balloon) {
        if !self.is_due() {
            return;
        }
        balloon.freeze();
        self.sleep();
        balloon.restore();
        self.count += 1;
        if self.count.is_multiple_of(10) {
            console::print(format_args!("frozen {} times\n", self.count));
        }
    }

    fn is_due(&mut self) -> bool {
        match self.when {
            None => false,
            Some(When::Every(pause)) => {
                self.next.set_if_unset(pause);
                self.next.expired()
            }
            Some(When::ByKey) => self.keyboard.is_pressed(),
        }
    }

    /// The time in which the machine would sleep.
    fn sleep(&mut self) {
        if self.when == Some(When::ByKey) {
            console::print(format_args!("frozen until a key is pressed\n"));
            while !self.keyboard.is_pressed() {
                idle::wait();
            }
        }
    }
}
