//! The platform-level interrupt controller, which routes device interrupts to the CPU (RISC-V PLIC Specification, 1.0.0).

use aerostat_balloon::transport::{Io as _, MmioRegion};
use log::warn;
use riscv::register::sie;
use spin::Once;

use super::paging::registers;
use crate::kernel::arch::device_tree;

/// Offset of the priorities, one word each.
const PRIORITIES: usize = 0;
/// Offset of the enable bits, and bytes of them for each context.
const ENABLES: usize = 0x2000;
const ENABLES_BYTES: usize = 0x80;
/// Offset of the registers of the first context, and bytes for each context.
const CONTEXTS: usize = 0x20_0000;
const CONTEXT_BYTES: usize = 0x1000;
/// Offset in a context: interrupts with a higher priority than this are delivered.
const THRESHOLD: usize = 0;
/// Offset in a context: reading claims an interrupt, writing completes it.
const CLAIM: usize = 4;

/// The hart that runs the kernel.
static HART: Once<u32> = Once::new();
static PLIC: Once<Plic> = Once::new();

/// The controller, with the context of this hart in supervisor mode.
#[derive(Debug)]
struct Plic {
    registers: MmioRegion,
    enables: usize,
    context: usize,
}

/// Stores the number of the hart that runs the kernel.
pub(super) fn set_hart(hart: u32) {
    HART.call_once(|| hart);
}

/// Enables the controller.
pub(super) fn start() {
    let Some(plic) = find() else {
        warn!("the machine has no PLIC: devices cannot interrupt");
        return;
    };
    plic.registers.write32(plic.context + THRESHOLD, 0);
    PLIC.call_once(|| plic);
    // SAFETY: interrupts are off, and external interrupts have a handler.
    unsafe { sie::set_sext() };
}

fn find() -> Option<Plic> {
    let tree = device_tree::tree()?;
    let [addresses] = tree.device("riscv,plic0")?;
    let context = tree.plic_context(*HART.get()?)?;
    Some(Plic {
        registers: registers(addresses)?,
        enables: ENABLES + context * ENABLES_BYTES,
        context: CONTEXTS + context * CONTEXT_BYTES,
    })
}

/// Sets the handler of interrupt number `interrupt` of the machine. Returns `None` if there is no such interrupt, or if it
/// has another handler. Called with interrupts on.
///
/// A line interrupts as long as its level is high: the handler must make the device lower it.
///
/// A handler runs with interrupts off. It should only acknowledge the interrupt, store its cause, and
/// [wake](crate::kernel::idle::wake) the kernel.
pub(crate) fn on_line(interrupt: u32, handler: fn()) -> Option<()> {
    let Plic { registers, enables, .. } = PLIC.get()?;
    device_tree::add(interrupt, handler)?;
    let (word, bit) = (interrupt as usize / 32, interrupt % 32);
    registers.write32(PRIORITIES + 4 * interrupt as usize, 1);
    let enables = enables + 4 * word;
    registers.write32(enables, registers.read32(enables) | 1 << bit);
    Some(())
}

/// Handles every pending interrupt. Called with interrupts off.
pub(super) fn dispatch() {
    let Some(Plic { registers, context, .. }) = PLIC.get() else { return };
    loop {
        match registers.read32(context + CLAIM) {
            0 => break,
            interrupt => {
                device_tree::handle(interrupt);
                registers.write32(context + CLAIM, interrupt);
            }
        }
    }
}
