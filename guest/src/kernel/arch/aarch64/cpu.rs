//! Enabling interrupts, and sleeping.

use core::sync::atomic::{Ordering, compiler_fence};

/// Enables interrupts.
pub(crate) fn enable_interrupts() {
    // For the compiler, the instruction does not access memory, but interrupt handlers do.
    compiler_fence(Ordering::SeqCst);
    arm_gic::irq_enable();
}

/// Disables interrupts.
pub(crate) fn disable_interrupts() {
    arm_gic::irq_disable();
    compiler_fence(Ordering::SeqCst);
}

/// Sleeps until an interrupt and handles it. Called with interrupts off. A pending interrupt ends the sleep at once.
pub(crate) fn sleep() {
    arm_gic::wfi();
    enable_interrupts();
}
