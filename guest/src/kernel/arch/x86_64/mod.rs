//! x86_64: a PC as QEMU's `q35` and `microvm` machines have it, booted by PVH.

mod acpi;
mod apic;
mod boot;
mod clock;
mod interrupts;
mod paging;
mod pci;

use ::x86_64::instructions;
use qemu_exit::QEMUExit as _;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550Tty};

pub(crate) use acpi::virtio_mmio;
pub(crate) use clock::{now, wake_after};
pub(crate) use interrupts::{on_line, on_message};
pub(crate) use paging::{BOOT_MAPPED, map, map_registers};
pub(crate) use pci::{BarIo, config as pci_config, line as pci_line, map_bar};

use crate::kernel::exit::Code;

/// The serial port COM1.
pub(crate) type SerialPort = Uart16550Tty<PioBackend>;

/// Opens the serial port, if there is one that works.
pub(crate) fn serial_port() -> Option<SerialPort> {
    // SAFETY: the port numbers are those of COM1 on every PC, and nobody else uses them.
    unsafe { SerialPort::new_port(0x3f8, Config::DEFAULT) }.ok()
}

/// Whether a byte has come in. It is taken.
pub(crate) fn received(port: &mut SerialPort) -> bool {
    port.inner_mut().try_receive_byte().is_ok()
}

/// Switches on interrupts and the clock. Memory is there already.
pub(crate) fn start() {
    interrupts::start();
    clock::start();
    enable_interrupts();
}

/// Lets interrupts in.
pub(crate) fn enable_interrupts() {
    instructions::interrupts::enable();
}

/// Keeps interrupts out.
pub(crate) fn disable_interrupts() {
    instructions::interrupts::disable();
}

/// Sleeps until an interrupt, and lets it in. Called with interrupts off; one that is pending by then ends the sleep.
pub(crate) fn sleep() {
    instructions::interrupts::enable_and_hlt();
}

/// Ends QEMU.
pub(crate) fn exit(code: Code) {
    // SAFETY: the port is the one that is documented in `exit.rs`, and nothing else answers there.
    unsafe { qemu_exit::X86::new(0xf4, 33) }.exit(code as u32)
}
