//! x86_64: a PC like QEMU's `q35` and `microvm` machines, booted by PVH.

mod acpi;
mod apic;
mod boot;
mod clock;
mod interrupts;
mod paging;
mod pci;
#[cfg(feature = "stack")]
mod stack;
mod vectors;

use ::x86_64::instructions;
use qemu_exit::QEMUExit as _;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550Tty};

pub(crate) use acpi::virtio_mmio;
pub(crate) use clock::{now, wake_after};
pub(crate) use interrupts::{on_line, on_message};
pub(crate) use paging::{BOOT_MAPPED, map, registers};
pub(crate) use pci::{BarIo, Config as PciConfig, config as pci_config, line as pci_line, map_bar};
#[cfg(feature = "stack")]
pub(crate) use stack::{call_on_painted_stack, use_stack};

/// The serial port COM1.
pub(crate) type SerialPort = Uart16550Tty<PioBackend>;

/// Opens the serial port of the console, if there is one that works.
pub(crate) fn serial_port() -> Option<SerialPort> {
    // SAFETY: these are the ports of COM1 on every PC. No other code uses them.
    unsafe { SerialPort::new_port(0x3f8, Config::DEFAULT) }.ok()
}

/// Returns whether a byte has been received, and removes it.
pub(crate) fn received(port: &mut SerialPort) -> bool {
    port.inner_mut().try_receive_byte().is_ok()
}

/// Starts the clock and enables interrupts.
pub(crate) fn start() {
    interrupts::start();
    clock::start();
    enable_interrupts();
}

/// Enables interrupts.
pub(crate) fn enable_interrupts() {
    instructions::interrupts::enable();
}

/// Disables interrupts.
pub(crate) fn disable_interrupts() {
    instructions::interrupts::disable();
}

/// Sleeps until an interrupt and handles it. Called with interrupts off. A pending interrupt ends the sleep at once.
pub(crate) fn sleep() {
    instructions::interrupts::enable_and_hlt();
}

/// The port of QEMU's `isa-debug-exit` device, and the exit status that stands for success.
const EXIT_PORT: u16 = 0xf4;
const SUCCESS: u32 = 33;
/// QEMU's exit status is twice this value plus 1: 37.
const FAILURE: u32 = 0x12;

/// Ends QEMU with status 33.
pub(crate) fn exit_success() {
    debug_exit().exit_success()
}

/// Ends QEMU with status 37.
pub(crate) fn exit_failure() {
    debug_exit().exit(FAILURE)
}

fn debug_exit() -> qemu_exit::X86 {
    // SAFETY: no other device of QEMU's machines has this port.
    unsafe { qemu_exit::X86::new(EXIT_PORT, SUCCESS) }
}
