//! Memory barriers between driver and device.

use core::sync::atomic::Ordering;

use crate::sync::fence;

/// Whether this crate has barriers for hardware devices on the target architecture.
pub(crate) const ORDERS_FOR_PLATFORM: bool = cfg!(any(
    target_arch = "aarch64",
    target_arch = "riscv32",
    target_arch = "riscv64",
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "s390x",
));

/// The observers that memory accesses are ordered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barriers {
    /// CPUs only: the device is software that runs on one of them.
    Cpus,
    /// CPUs and hardware devices of the platform (VIRTIO_F_ORDER_PLATFORM).
    Platform,
}

impl Barriers {
    /// Orders all earlier accesses before all later accesses.
    #[cfg_attr(all(test, loom), track_caller)]
    pub(crate) fn full(self) {
        match self {
            Self::Cpus => fence(Ordering::SeqCst),
            Self::Platform => dma_mb(),
        }
    }

    /// Orders an earlier acquiring load before all later accesses. For CPUs the load is enough.
    #[inline]
    pub(crate) fn after_load(self) {
        if self == Self::Platform {
            dma_mb();
        }
    }

    /// Orders all earlier accesses before a later releasing store. For CPUs the store is enough.
    #[inline]
    pub(crate) fn before_store(self) {
        if self == Self::Platform {
            dma_mb();
        }
    }
}

/// A full barrier for CPUs and hardware devices, and between memory and registers. Used outside hot paths.
// conformance: construct core.reserved.8: the barriers for hardware devices; no test observes their order
pub(crate) fn dma_mb() {
    // SAFETY: the instruction orders memory accesses and has no other effect. "osh" means all observers in the outer
    // shareable domain, which includes devices.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("dmb osh", options(nostack, preserves_flags));
    }
    // SAFETY: as above; "io" means accesses to devices, "rw" accesses to memory.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        core::arch::asm!("fence iorw, iorw", options(nostack, preserves_flags));
    }
    // Other architectures have one kind of full barrier, see `ORDERS_FOR_PLATFORM`.
    fence(Ordering::SeqCst);
}
