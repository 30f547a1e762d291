//! aarch64: QEMU's `virt` machine, at exception level 1.

mod clock;
mod cpu;
mod interrupts;
mod paging;
#[cfg(feature = "stack")]
mod stack;

use core::ptr::NonNull;

use aerostat_balloon::transport::MmioRegion;
use aerostat_balloon::transport::pci::{BarRange, Ecam};
use arm_pl011_uart::{DataBits, LineConfig, PL011Registers, Parity, StopBits, Uart};
use safe_mmio::UniqueMmioPointer;

pub(crate) use self::clock::{now, wake_after};
pub(crate) use self::cpu::{disable_interrupts, enable_interrupts, sleep};
pub(crate) use self::interrupts::on_line;
use self::paging::map_registers;
pub(crate) use self::paging::{BOOT_MAPPED, map, registers};
#[cfg(feature = "stack")]
pub(crate) use self::stack::{call_on_painted_stack, use_stack};
use super::device_tree;
pub(crate) use super::device_tree::{BarIo, on_message, pci_line, virtio_mmio};
use crate::kernel::boot;

// The size of the boot stack in pages. A build without optimization uses 160 KiB.
aarch64_rt::entry!(start_cpu, 64);

/// Where QEMU puts the device tree for a kernel that is not a Linux image: at the start of memory.
const TREE: usize = 1 << 30;
/// The frequency of the serial port's clock, in Hz.
const UART_HERTZ: u32 = 24_000_000;

/// Called at the end of the boot code of [`aarch64_rt`], with the MMU on. QEMU does not set the registers that are passed
/// as arguments.
fn start_cpu(_: u64, _: u64, _: u64, _: u64) -> ! {
    boot::enter(device_tree::read(TREE))
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

/// A serial port of type PL011.
pub(crate) type SerialPort = Uart<'static>;

/// Opens the serial port of the console, if there is one.
pub(crate) fn serial_port() -> Option<SerialPort> {
    let console = device_tree::tree()?.console()?;
    let registers: NonNull<PL011Registers> =
        NonNull::with_exposed_provenance(usize::try_from(console.start).ok()?.try_into().ok()?);
    map_registers(console)?;
    // SAFETY: the registers are mapped from here on. No other code uses them.
    let registers = unsafe { UniqueMmioPointer::new(registers) };
    let mut port = Uart::new(registers);
    let line = LineConfig { data_bits: DataBits::Bits8, parity: Parity::None, stop_bits: StopBits::One };
    port.enable(line, 115_200, UART_HERTZ).ok()?;
    Some(port)
}

/// Returns whether a byte has been received, and removes it.
pub(crate) fn received(port: &mut SerialPort) -> bool {
    port.read_word().is_ok_and(|word| word.is_some())
}

/// Starts the clock and enables interrupts.
pub(crate) fn start() {
    interrupts::start();
    clock::start();
    enable_interrupts();
}

/// Switches the machine off. Returns on failure.
pub(crate) fn exit_success() {
    let _ = smccc::psci::system_off::<smccc::Hvc>();
}

/// Switches the machine off because of a failure, which PSCI cannot express. Returns on failure.
pub(crate) fn exit_failure() {
    exit_success();
}
