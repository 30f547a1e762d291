//! riscv64: QEMU's `virt` machine, in supervisor mode on firmware with SBI, without paging.

mod clock;
mod interrupts;
mod paging;
mod plic;
#[cfg(feature = "stack")]
mod stack;

use core::arch::global_asm;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, compiler_fence};

use aerostat_balloon::transport::MmioRegion;
use aerostat_balloon::transport::pci::{BarRange, Ecam};
use riscv::interrupt;
use sbi_rt::{NoReason, Shutdown, SystemFailure};
use uart_16550::backend::MmioBackend;
use uart_16550::{Config, Uart16550Tty};

pub(crate) use self::clock::{now, wake_after};
pub(crate) use self::paging::{BOOT_MAPPED, map, registers};
pub(crate) use self::plic::on_line;
#[cfg(feature = "stack")]
pub(crate) use self::stack::{call_on_painted_stack, use_stack};
use super::device_tree;
pub(crate) use super::device_tree::{BarIo, on_message, pci_line, virtio_mmio};
use crate::kernel::boot;

global_asm!(include_str!("boot.s"), start = sym start_hart);

/// Called at the end of `boot.s`.
extern "C" fn start_hart(hart: usize, tree: usize) -> ! {
    plic::set_hart(hart as u32);
    boot::enter(device_tree::read(tree))
}

/// Access to the configuration space of PCI.
pub(crate) type PciConfig = Ecam<MmioRegion>;

/// Returns PCI configuration space, with an address in every BAR on bus 0. `None` if there is no host bridge.
pub(crate) fn pci_config() -> Option<PciConfig> {
    device_tree::pci_config(registers)
}

/// Maps a BAR.
pub(crate) fn map_bar(range: BarRange) -> Option<BarIo> {
    device_tree::map_bar(range, registers)
}

/// A serial port of type 16550.
pub(crate) type SerialPort = Uart16550Tty<MmioBackend>;

/// Opens the serial port of the console, if there is one that works.
pub(crate) fn serial_port() -> Option<SerialPort> {
    let console = device_tree::tree()?.console()?;
    let registers = NonNull::with_exposed_provenance(usize::try_from(console.start).ok()?.try_into().ok()?);
    // SAFETY: these are the registers of the port, one byte each. No other code uses them.
    unsafe { SerialPort::new_mmio(registers, 1, Config::DEFAULT) }.ok()
}

/// Returns whether a byte has been received, and removes it.
pub(crate) fn received(port: &mut SerialPort) -> bool {
    port.inner_mut().try_receive_byte().is_ok()
}

/// Starts the clock and enables interrupts.
pub(crate) fn start() {
    interrupts::start();
    clock::start();
    plic::start();
    enable_interrupts();
}

/// Enables interrupts.
pub(crate) fn enable_interrupts() {
    // For the compiler, the instruction does not access memory, but interrupt handlers do.
    compiler_fence(Ordering::SeqCst);
    // SAFETY: the entry point is set, and the data that handlers share with the kernel is synchronized.
    unsafe { interrupt::enable() };
}

/// Disables interrupts.
pub(crate) fn disable_interrupts() {
    interrupt::disable();
    compiler_fence(Ordering::SeqCst);
}

/// Sleeps until an interrupt and handles it. Called with interrupts off. A pending interrupt ends the sleep at once.
pub(crate) fn sleep() {
    riscv::asm::wfi();
    enable_interrupts();
}

/// Switches the machine off. Returns on failure.
pub(crate) fn exit_success() {
    let _ = sbi_rt::system_reset(Shutdown, NoReason);
}

/// Switches the machine off because of a failure. Returns on failure.
pub(crate) fn exit_failure() {
    let _ = sbi_rt::system_reset(Shutdown, SystemFailure);
}
