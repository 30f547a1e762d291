//! riscv64: QEMU's `virt` machine, in supervisor mode over firmware with the SBI, without paging.

mod clock;
mod interrupts;
mod plic;

use core::arch::global_asm;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, compiler_fence};

use riscv::interrupt;
use sbi_rt::{NoReason, Shutdown, SystemFailure};
use uart_16550::backend::MmioBackend;
use uart_16550::{Config, Uart16550Tty};

pub(crate) use self::clock::{now, wake_after};
pub(crate) use self::plic::on_line;
use super::device_tree;
pub(crate) use super::device_tree::{BarIo, map_bar, on_message, pci_config, pci_line, virtio_mmio};
use crate::kernel;
use crate::kernel::exit::Code;

global_asm!(include_str!("boot.s"), start = sym boot);

/// Where `boot.s` ends.
extern "C" fn boot(hart: usize, tree: usize) -> ! {
    plic::set_hart(hart as u32);
    kernel::run(device_tree::boot(tree))
}

/// Addresses are physical ones: all are there that a hart can have, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 1 << 56;

/// Nothing has to be mapped.
pub(crate) fn map(_: Range<u64>) -> Option<()> {
    Some(())
}

/// Nothing has to be mapped: what is memory and what is not is an attribute of the physical address.
pub(crate) fn map_registers(_: Range<u64>) -> Option<()> {
    Some(())
}

/// A serial port of type 16550.
pub(crate) type SerialPort = Uart16550Tty<MmioBackend>;

/// Opens the serial port that the console is on, if there is one that works.
pub(crate) fn serial_port() -> Option<SerialPort> {
    let console = device_tree::tree()?.console()?;
    let registers = NonNull::with_exposed_provenance(usize::try_from(console.start).ok()?.try_into().ok()?);
    // SAFETY: these are the registers of the port, one byte each, and this is the only one who uses them.
    unsafe { SerialPort::new_mmio(registers, 1, Config::DEFAULT) }.ok()
}

/// Whether a byte has come in. It is taken.
pub(crate) fn received(port: &mut SerialPort) -> bool {
    port.inner_mut().try_receive_byte().is_ok()
}

/// Switches on interrupts and the clock. Memory is there already.
pub(crate) fn start() {
    interrupts::start();
    clock::start();
    plic::start();
    enable_interrupts();
}

/// Lets interrupts in.
pub(crate) fn enable_interrupts() {
    // The instruction does not tell the compiler that handlers look at memory.
    compiler_fence(Ordering::SeqCst);
    // SAFETY: the entry point is set, and what handlers share with the rest of the kernel is made for that.
    unsafe { interrupt::enable() };
}

/// Keeps interrupts out.
pub(crate) fn disable_interrupts() {
    interrupt::disable();
    compiler_fence(Ordering::SeqCst);
}

/// Sleeps until an interrupt, and lets it in. Called with interrupts off; one that is pending by then ends the sleep.
pub(crate) fn sleep() {
    riscv::asm::wfi();
    enable_interrupts();
}

/// Switches the machine off.
pub(crate) fn exit(code: Code) {
    // An error leaves it on, which is all that can be said.
    let _ = match code {
        Code::Success => sbi_rt::system_reset(Shutdown, NoReason),
        Code::Panic => sbi_rt::system_reset(Shutdown, SystemFailure),
    };
}
