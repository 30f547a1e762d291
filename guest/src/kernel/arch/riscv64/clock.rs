//! A sense of time: a register says what time it is, the firmware's timer wakes the kernel.

use core::time::Duration;

use aerostat_guest::DeviceTree;
use riscv::register::{sie, time};
use spin::Once;

use crate::kernel::arch::device_tree;

/// Ticks a second.
static HERTZ: Once<u32> = Once::new();

/// Starts the clock.
pub(super) fn start() {
    let hertz = device_tree::tree().and_then(DeviceTree::timebase_frequency).filter(|hertz| *hertz > 0);
    HERTZ.call_once(|| hertz.expect("the device tree does not say how fast time goes by"));
    stop_timer();
    // SAFETY: interrupts are off, and the timer has a handler.
    unsafe { sie::set_stimer() };
}

/// The time since the machine was started.
pub(crate) fn now() -> Duration {
    HERTZ.get().map_or(Duration::ZERO, |hertz| {
        Duration::from_nanos((u128::from(time::read64()) * 1_000_000_000 / u128::from(*hertz)) as u64)
    })
}

/// Wakes the kernel once, after `pause`. Takes the place of an earlier call that has not come about yet.
pub(crate) fn wake_after(pause: Duration) {
    if let Some(hertz) = HERTZ.get() {
        let ticks = pause.as_nanos() * u128::from(*hertz) / 1_000_000_000;
        set_timer(time::read64().saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX)));
    }
}

/// Stops the timer, which would go on interrupting.
pub(super) fn stop_timer() {
    set_timer(u64::MAX);
}

fn set_timer(at: u64) {
    // The firmware has a timer, or nothing would happen by itself, which is all that an error would say.
    let _ = sbi_rt::set_timer(at);
}
