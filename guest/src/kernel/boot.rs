//! The interface between the boot code of an architecture and the kernel.

use aerostat_guest::MemoryMap;

/// What the boot code learns from the loader.
pub(crate) struct Boot {
    /// Physical memory. The kernel image and the tables of the loader are reserved.
    pub(crate) memory: MemoryMap,
    /// The kernel command line.
    pub(crate) command_line: &'static str,
}

unsafe extern "Rust" {
    /// The kernel, defined in `kernel.rs`. It is found by the linker, so that `arch` does not depend on the modules that
    /// depend on `arch`.
    safe fn kernel_main(boot: Boot) -> !;
}

/// Starts the kernel. Interrupts are off. Memory below `BOOT_MAPPED` of the architecture is mapped at its physical address.
pub(crate) fn enter(boot: Boot) -> ! {
    kernel_main(boot)
}
