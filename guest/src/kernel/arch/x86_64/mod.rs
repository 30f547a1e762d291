//! x86_64: a PC as QEMU's `q35` and `microvm` machines have it, booted by PVH.

mod acpi;
mod apic;
mod boot;
mod clock;
mod interrupts;
mod paging;
mod pci;

use ::x86_64::instructions;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550Tty};

pub(crate) use acpi::virtio_mmio;
pub(crate) use clock::{now, wake_after};
pub(crate) use interrupts::{Message, on_line, on_message};
pub(crate) use paging::{BOOT_MAPPED, map, map_registers};
pub(crate) use pci::config as pci_config;

/// The serial port COM1.
pub(crate) type SerialPort = Uart16550Tty<PioBackend>;

/// Opens the serial port, if there is one that works.
pub(crate) fn serial_port() -> Option<SerialPort> {
    // SAFETY: the port numbers are those of COM1 on every PC, and nobody else uses them.
    unsafe { SerialPort::new_port(0x3f8, Config::DEFAULT) }.ok()
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

/// Stops for good.
pub(crate) fn hang() -> ! {
    disable_interrupts();
    loop {
        instructions::hlt();
    }
}

/// Reads from an address where nothing is mapped.
pub(crate) fn fault() {
    let nowhere: *const u8 = core::ptr::without_provenance(0x5555_0000_0000);
    // SAFETY: none: this ends the kernel, on request.
    unsafe { nowhere.read_volatile() };
}

/// The device that ends QEMU.
pub(crate) fn exit_device() -> impl qemu_exit::QEMUExit {
    // SAFETY: the port is the one that is documented in `exit.rs`, and nothing else answers there.
    unsafe { qemu_exit::X86::new(0xf4, 33) }
}
