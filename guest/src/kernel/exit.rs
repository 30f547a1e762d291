//! How the kernel ends the machine it runs on.

use qemu_exit::QEMUExit;

use super::arch;

/// How it went. QEMU ends with the exit status given with each code.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    /// All is well: status 33.
    Success = 0x10,
    /// The kernel panicked, or made the CPU raise an exception: status 37.
    Panic = 0x12,
}

/// Ends QEMU. On x86_64 that takes `-device isa-debug-exit,iobase=0xf4,iosize=0x04`; where there is no such device
/// the CPU sleeps for ever.
pub(crate) fn exit(code: Code) -> ! {
    arch::disable_interrupts();
    arch::exit_device().exit(code as u32)
}
