//! How the kernel ends the machine it runs on.

use super::arch;

/// How it went. A PC can hand that on: QEMU ends with the exit status given with each code. The firmware of other
/// machines switches them off without a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// All is well: status 33.
    Success = 0x10,
    /// The kernel panicked, or made the CPU raise an exception: status 37.
    Panic = 0x12,
}

/// Ends QEMU. On x86_64 that takes `-device isa-debug-exit,iobase=0xf4,iosize=0x04`. Where the machine cannot be ended
/// the CPU sleeps for ever.
pub(crate) fn exit(code: Code) -> ! {
    arch::disable_interrupts();
    arch::exit(code);
    hang()
}

/// Never answers again. Interrupt handlers run on, but nobody looks at what they note.
pub(crate) fn hang() -> ! {
    loop {
        arch::sleep();
    }
}
