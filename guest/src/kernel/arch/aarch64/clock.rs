//! The clock: the virtual counter counts the time, and its timer interrupts.

use core::time::Duration;

use arm_generic_timer::sysreg::{VirtualCounter, VirtualTimer};
use arm_generic_timer::{Counter, Timer};
use log::warn;

use super::interrupts;
use crate::kernel::arch::device_tree;

/// The index of the virtual timer among the interrupts of the timer's node.
const VIRTUAL: usize = 2;

/// Starts the clock. The interrupt controller is enabled already.
pub(super) fn start() {
    let interrupt = device_tree::tree().and_then(|tree| tree.interrupt("arm,armv8-timer", VIRTUAL));
    if interrupt.and_then(|interrupt| interrupts::connect(interrupt, on_timer)).is_none() {
        warn!("the machine has no timer: the kernel wakes only for device interrupts");
    }
}

/// Returns the time since the machine was started.
pub(crate) fn now() -> Duration {
    Counter::new(VirtualCounter).elapsed_time()
}

/// Interrupts once after `pause`, or sooner if the timer cannot count that far (about half a minute). A later call replaces
/// an earlier one.
pub(crate) fn wake_after(pause: Duration) {
    let mut timer = timer();
    timer.set_remaining_time(pause);
    timer.enable_interrupt();
    timer.enable();
}

/// Stops the timer, which otherwise keeps interrupting. The interrupt has ended the sleep; `idle::wait` checks the time.
fn on_timer() {
    timer().disable_interrupt();
}

fn timer() -> Timer<VirtualTimer> {
    // SAFETY: there is one CPU, and only this module uses its virtual timer. `wake_after` runs with interrupts off, so that
    // `on_timer` does not interrupt it.
    Timer::new(unsafe { VirtualTimer::new() })
}
