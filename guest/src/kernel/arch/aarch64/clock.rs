//! A sense of time: the virtual counter says what time it is, its timer wakes the kernel.

use core::time::Duration;

use arm_generic_timer::sysreg::{VirtualCounter, VirtualTimer};
use arm_generic_timer::{Counter, Timer};
use log::warn;

use super::interrupts;
use crate::kernel::arch::device_tree;
use crate::kernel::idle;

/// The place of the virtual timer among the interrupts of the timer.
const VIRTUAL: usize = 2;

/// Starts the clock. The interrupt controller is on already.
pub(super) fn start() {
    let interrupt = device_tree::tree().and_then(|tree| tree.interrupt("arm,armv8-timer", VIRTUAL));
    if interrupt.and_then(|interrupt| interrupts::connect(interrupt, rang)).is_none() {
        warn!("no timer: nothing happens by itself");
    }
}

/// The time since the machine was started.
pub(crate) fn now() -> Duration {
    Counter::new(VirtualCounter).elapsed_time()
}

/// Wakes the kernel once, after `pause`, or sooner where the timer cannot count as far (about half a minute). Takes the
/// place of an earlier call that has not come about yet.
pub(crate) fn wake_after(pause: Duration) {
    let mut timer = timer();
    timer.set_remaining_time(pause);
    timer.enable_interrupt();
    timer.enable();
}

/// The handler. The timer would go on interrupting.
fn rang() {
    timer().disable_interrupt();
    idle::wake();
}

fn timer() -> Timer<VirtualTimer> {
    // SAFETY: there is one CPU, and it uses the timer in this module only. An interrupt between the steps of `wake_after`
    // is that of the time that was set before, and does what its handler would have done anyway.
    Timer::new(unsafe { VirtualTimer::new() })
}
