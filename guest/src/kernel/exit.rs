//! Ending the virtual machine.

use super::arch;

/// Whether the kernel succeeded. On a PC, QEMU ends with the exit status that stands with each code. On other machines the
/// firmware switches the machine off without a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Success: status 33.
    Success,
    /// The kernel panicked, or a CPU exception occurred: status 37.
    Panic,
}

/// Ends QEMU. On x86_64 this needs `-device isa-debug-exit,iobase=0xf4,iosize=0x04`. If the machine cannot be ended, the CPU
/// sleeps forever.
pub(crate) fn exit(code: Code) -> ! {
    arch::disable_interrupts();
    match code {
        Code::Success => arch::exit_success(),
        Code::Panic => arch::exit_failure(),
    }
    hang()
}

/// Sleeps forever. Interrupt handlers still run, but the kernel does nothing about them.
pub(crate) fn hang() -> ! {
    loop {
        arch::sleep();
    }
}
