//! aarch64: QEMU's `virt` machine, at exception level 1.

mod clock;
mod interrupts;
mod paging;

use core::ptr::NonNull;
use core::sync::atomic::{Ordering, compiler_fence};

use arm_pl011_uart::{DataBits, LineConfig, PL011Registers, Parity, StopBits, Uart};
use safe_mmio::UniqueMmioPointer;

pub(crate) use self::clock::{now, wake_after};
pub(crate) use self::interrupts::on_line;
pub(crate) use self::paging::{BOOT_MAPPED, map, map_registers};
use super::device_tree;
pub(crate) use super::device_tree::{BarIo, map_bar, on_message, pci_config, pci_line, virtio_mmio};
use crate::kernel;
use crate::kernel::exit::Code;

// The boot stack, in pages. A build without optimization takes 160 KiB of it.
aarch64_rt::entry!(boot, 64);

/// Where QEMU puts the device tree for a kernel that is no Linux image: at the start of memory.
const TREE: usize = 1 << 30;
/// The clock of the serial port, in Hz.
const UART_HERTZ: u32 = 24_000_000;

/// Where the code of [`aarch64_rt`] ends, with the MMU on. The registers that it passes on say nothing: the loader has
/// not set them.
fn boot(_: u64, _: u64, _: u64, _: u64) -> ! {
    kernel::run(device_tree::boot(TREE))
}

/// A serial port of type PL011.
pub(crate) type SerialPort = Uart<'static>;

/// Opens the serial port that the console is on, if there is one.
pub(crate) fn serial_port() -> Option<SerialPort> {
    let console = device_tree::tree()?.console()?;
    let registers: NonNull<PL011Registers> =
        NonNull::with_exposed_provenance(usize::try_from(console.start).ok()?.try_into().ok()?);
    map_registers(console)?;
    // SAFETY: the registers are mapped from here on, and this is the only one who uses them.
    let registers = unsafe { UniqueMmioPointer::new(registers) };
    let mut port = Uart::new(registers);
    let line = LineConfig { data_bits: DataBits::Bits8, parity: Parity::None, stop_bits: StopBits::One };
    port.enable(line, 115_200, UART_HERTZ).ok()?;
    Some(port)
}

/// Whether a byte has come in. It is taken.
pub(crate) fn received(port: &mut SerialPort) -> bool {
    port.read_word().is_ok_and(|word| word.is_some())
}

/// Switches on interrupts and the clock. Memory is there already.
pub(crate) fn start() {
    interrupts::start();
    clock::start();
    enable_interrupts();
}

/// Lets interrupts in.
pub(crate) fn enable_interrupts() {
    // The instruction does not tell the compiler that handlers look at memory.
    compiler_fence(Ordering::SeqCst);
    arm_gic::irq_enable();
}

/// Keeps interrupts out.
pub(crate) fn disable_interrupts() {
    arm_gic::irq_disable();
    compiler_fence(Ordering::SeqCst);
}

/// Sleeps until an interrupt, and lets it in. Called with interrupts off; one that is pending by then ends the sleep.
pub(crate) fn sleep() {
    arm_gic::wfi();
    enable_interrupts();
}

/// Switches the machine off.
pub(crate) fn exit(_: Code) {
    // An error leaves it on, which is all that can be said.
    let _ = smccc::psci::system_off::<smccc::Hvc>();
}
