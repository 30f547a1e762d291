//! Sleeping until there is work to do.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

use super::arch;

/// Whether an interrupt has brought work since the kernel last slept.
static WOKEN: AtomicBool = AtomicBool::new(false);
/// When the kernel has to wake, in nanoseconds since its start.
static WAKE_AT: AtomicU64 = AtomicU64::new(NEVER);

const NEVER: u64 = u64::MAX;

/// See [`call_before_sleep`].
#[cfg(feature = "exchanges")]
static BEFORE_SLEEP: spin::Once<fn()> = spin::Once::new();

/// Makes [`wait`] call a function each time before it sleeps. If the function calls [`wake`], `wait` returns. The first call counts.
#[cfg(feature = "exchanges")]
pub(crate) fn call_before_sleep(function: fn()) {
    BEFORE_SLEEP.call_once(|| function);
}

/// Wakes the kernel. Every handler of a device interrupt calls this last.
pub(crate) fn wake() {
    // Release pairs with the acquire in `wait`: code that runs after `wait` sees what the handler wrote.
    WOKEN.store(true, Ordering::Release);
}

/// Makes the next [`wait`] end at this time since the kernel's start, or earlier.
pub(crate) fn wake_at(time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(NEVER);
    WAKE_AT.fetch_min(nanoseconds, Ordering::Relaxed);
}

/// Sleeps until [`wake`] has been called since the last `wait`, or the time of [`wake_at`] has come. Returns with interrupts on.
///
/// The caller then checks every possible source of work.
pub(crate) fn wait() {
    let wake_at = match WAKE_AT.swap(NEVER, Ordering::Relaxed) {
        NEVER => Duration::MAX,
        nanoseconds => Duration::from_nanos(nanoseconds),
    };
    loop {
        #[cfg(feature = "exchanges")]
        if let Some(before_sleep) = BEFORE_SLEEP.get() {
            before_sleep();
        }
        // With interrupts on, an interrupt between this check and the sleep would be missed. `sleep` enables them and
        // sleeps in one step.
        arch::disable_interrupts();
        let pause = wake_at.saturating_sub(arch::now());
        if WOKEN.swap(false, Ordering::Acquire) || pause.is_zero() {
            arch::enable_interrupts();
            return;
        }
        if wake_at != Duration::MAX {
            arch::wake_after(pause);
        }
        arch::sleep();
    }
}
