//! Sleeping until there is something to do.

use core::sync::atomic::{AtomicU32, Ordering};

use bitflags::bitflags;

use super::arch;

bitflags! {
    /// Why the kernel was woken. Several causes may come together.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Causes: u32 {
        /// The time that was asked for with `arch::wake_after` has passed.
        const TIMER = 1 << 0;
        /// The balloon has used buffers of a queue.
        const QUEUE = 1 << 1;
        /// The configuration of the balloon has changed.
        const CONFIG = 1 << 2;
    }
}

impl From<aerostat_transport::Causes> for Causes {
    fn from(causes: aerostat_transport::Causes) -> Self {
        let mut all = Self::empty();
        all.set(Self::QUEUE, causes.used_buffers);
        all.set(Self::CONFIG, causes.configuration);
        all
    }
}

static PENDING: AtomicU32 = AtomicU32::new(0);

/// Wakes the kernel. This is all that an interrupt handler does.
pub(crate) fn raise(causes: Causes) {
    // Release, for the acquire in `wait`: what the handler wrote is seen by whoever it wakes.
    PENDING.fetch_or(causes.bits(), Ordering::Release);
}

/// Sleeps until something was [`raise`]d, and takes all of it. Leaves interrupts on.
pub(crate) fn wait() -> Causes {
    loop {
        // An interrupt between the look and the sleep would be slept over, so look with interrupts off:
        // `sleep` switches them on in one step with going to sleep.
        arch::disable_interrupts();
        let causes = Causes::from_bits_truncate(PENDING.swap(0, Ordering::Acquire));
        if !causes.is_empty() {
            arch::enable_interrupts();
            return causes;
        }
        arch::sleep();
    }
}
