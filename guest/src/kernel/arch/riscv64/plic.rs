//! The platform-level interrupt controller, which brings the interrupts of devices to the CPU (RISC-V PLIC
//! Specification, 1.0.0).

use aerostat_transport::{Io as _, MmioRegion};
use log::warn;
use riscv::register::sie;
use spin::Once;

use crate::kernel::arch::device_tree;
use crate::kernel::memory;

/// Offset of the priorities, one word each.
const PRIORITIES: usize = 0;
/// Offset of the bits that let interrupts through, and the bytes of them that each context has.
const ENABLES: usize = 0x2000;
const ENABLES_BYTES: usize = 0x80;
/// Offset of the registers of the first context, and the bytes that each context has.
const CONTEXTS: usize = 0x20_0000;
const CONTEXT_BYTES: usize = 0x1000;
/// Offsets among these: the priority that an interrupt has to exceed, and the interrupt that is to be dealt with.
const THRESHOLD: usize = 0;
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

/// Notes which hart runs the kernel.
pub(super) fn set_hart(hart: u32) {
    HART.call_once(|| hart);
}

/// Switches the controller on.
pub(super) fn start() {
    let found = device_tree::tree().and_then(|tree| {
        let [addresses] = tree.device("riscv,plic0")?;
        let context = tree.plic_context(*HART.get()?)?;
        Some(Plic {
            registers: memory::registers(addresses)?,
            enables: ENABLES + context * ENABLES_BYTES,
            context: CONTEXTS + context * CONTEXT_BYTES,
        })
    });
    let Some(plic) = found else {
        warn!("no PLIC: devices cannot interrupt");
        return;
    };
    plic.registers.write32(plic.context + THRESHOLD, 0);
    PLIC.call_once(|| plic);
    // SAFETY: interrupts are off, and those from outside have a handler.
    unsafe { sie::set_sext() };
}

/// Calls `handler` on interrupt number `interrupt` of the machine. `None` when there is no such interrupt, or when it has
/// a handler. Called with interrupts on.
///
/// The line interrupts as long as its level is high: the handler has to see to it that the device lets go.
///
/// A handler runs with interrupts off. It should do little: acknowledge, note what it was about, and
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

/// Deals with every interrupt that is pending, with interrupts off.
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
