//! Sleeping until there is something to do.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

use aerostat_transport::Wait;

use super::alarm::Alarm;
use super::arch;

/// Whether something has happened since the kernel last went to sleep.
static WOKEN: AtomicBool = AtomicBool::new(false);
/// When the kernel wants to be woken, in nanoseconds since its start.
static WAKE_AT: AtomicU64 = AtomicU64::new(NEVER);

const NEVER: u64 = u64::MAX;

/// Wakes the kernel. Every interrupt handler does this last.
pub(crate) fn wake() {
    // Release, for the acquire in `wait`: what the handler wrote is seen by whoever it wakes.
    WOKEN.store(true, Ordering::Release);
}

/// Makes the next [`wait`] end at this time since the kernel's start, or earlier.
pub(crate) fn wake_at(time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(NEVER);
    WAKE_AT.fetch_min(nanoseconds, Ordering::Relaxed);
}

/// Sleeps until something has happened since the last call. What that was, everybody finds out for themselves. Leaves
/// interrupts on.
pub(crate) fn wait() {
    let time = WAKE_AT.swap(NEVER, Ordering::Relaxed);
    if time != NEVER {
        arch::wake_after(Duration::from_nanos(time).saturating_sub(arch::now()));
    }
    loop {
        // An interrupt between the look and the sleep would be slept over, so look with interrupts off:
        // `sleep` switches them on in one step with going to sleep.
        arch::disable_interrupts();
        if WOKEN.swap(false, Ordering::Acquire) {
            arch::enable_interrupts();
            return;
        }
        arch::sleep();
    }
}

/// Waits for a device, for the forms of the balloon that block. Gives up when there was no progress for ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Asleep {
    limit: Alarm,
}

impl Wait for Asleep {
    fn wait(&mut self, attempt: u32) -> ControlFlow<()> {
        if attempt == 0 {
            self.limit.set(Duration::from_secs(10));
        }
        if self.limit.rings() {
            return ControlFlow::Break(());
        }
        wait();
        ControlFlow::Continue(())
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        // Others may have been meant by what ended the waits.
        wake();
    }
}
