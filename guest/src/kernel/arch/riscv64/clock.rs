//! The clock: a register counts the time, and the timer of the firmware interrupts.

use core::time::Duration;

use aerostat_guest::DeviceTree;
use riscv::register::{sie, time};
use spin::Once;

use crate::kernel::arch::device_tree;

/// Ticks a second.
static HERTZ: Once<u32> = Once::new();

/// Starts the clock.
///
/// # Panics
///
/// If the device tree has no frequency of the clock.
pub(super) fn start() {
    let hertz = device_tree::tree().and_then(DeviceTree::timebase_frequency).filter(|hertz| *hertz > 0);
    HERTZ.call_once(|| hertz.expect("the device tree has no `timebase-frequency`"));
    stop_timer();
    // SAFETY: interrupts are off, and the timer has a handler.
    unsafe { sie::set_stimer() };
}

/// Returns the time since the machine was started.
pub(crate) fn now() -> Duration {
    HERTZ.get().map_or(Duration::ZERO, |hertz| {
        Duration::from_nanos((u128::from(time::read64()) * 1_000_000_000 / u128::from(*hertz)) as u64)
    })
}

/// Interrupts once after `pause`. A later call replaces an earlier one.
pub(crate) fn wake_after(pause: Duration) {
    if let Some(hertz) = HERTZ.get() {
        let ticks = pause.as_nanos() * u128::from(*hertz) / 1_000_000_000;
        set_timer(time::read64().saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX)));
    }
}

/// Stops the timer, which otherwise keeps interrupting.
pub(super) fn stop_timer() {
    set_timer(u64::MAX);
}

fn set_timer(at: u64) {
    // This fails only if the firmware has no timer. Then device interrupts still wake the kernel.
    let _ = sbi_rt::set_timer(at);
}
