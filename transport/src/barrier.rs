//! Barriers between what the driver and the device write to memory.

use core::sync::atomic::{Ordering, fence};

/// Whether this framework knows barriers for hardware devices on the CPU that it is compiled for.
pub(crate) const ORDERS_FOR_PLATFORM: bool = cfg!(any(
    target_arch = "aarch64",
    target_arch = "riscv32",
    target_arch = "riscv64",
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "s390x",
));

/// Which observers memory accesses are ordered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barriers {
    /// CPUs: the device is software that runs on one of them.
    Cpus,
    /// Hardware devices of the platform too (VIRTIO_F_ORDER_PLATFORM).
    Platform,
}

impl Barriers {
    /// Orders every access before it and every access behind it.
    pub(crate) fn full(self) {
        match self {
            Self::Cpus => fence(Ordering::SeqCst),
            Self::Platform => for_devices(),
        }
    }

    /// Orders an acquiring load before it and every access behind it. For CPUs the load itself does.
    pub(crate) fn behind_load(self) {
        if self == Self::Platform {
            for_devices();
        }
    }

    /// Orders every access before it and a releasing store behind it. For CPUs the store itself does.
    pub(crate) fn before_store(self) {
        if self == Self::Platform {
            for_devices();
        }
    }
}

/// A full barrier for CPUs and hardware devices, and between memory and registers: for where it does not matter what it costs.
pub(crate) fn for_devices() {
    // SAFETY: the instruction orders memory accesses and has no other effect. ("osh": for all observers in the outer
    // shareable domain, to which devices belong.)
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("dmb osh", options(nostack, preserves_flags));
    }
    // SAFETY: as above; "io" stands for accesses to devices, "rw" for those to memory.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        core::arch::asm!("fence iorw, iorw", options(nostack, preserves_flags));
    }
    // Elsewhere there is one strength of barrier, see `ORDERS_FOR_PLATFORM`.
    fence(Ordering::SeqCst);
}
