//! Interrupts and exceptions: who is called when one comes.

use core::ptr;

use aarch64_rt::{ExceptionHandlers, RegisterStateRef, exception_handlers};
use arm_gic::gicv2::GicV2;
use arm_gic::{IntId, InterruptGroup, Trigger};
use arm_sysregs::el1::accessors::{read_esr_el1, read_far_el1};
use spin::Mutex;

use super::{disable_interrupts, enable_interrupts, map_registers};
use crate::kernel::arch::device_tree;
use crate::kernel::{console, exit};

/// The interrupt controller. Whoever locks it keeps interrupts out.
static GIC: Mutex<Option<GicV2<'static>>> = Mutex::new(None);

/// The group of all interrupts where there is no secure world, and of those that the normal world sees where there is one.
const GROUP: InterruptGroup = InterruptGroup::Group0;

/// Switches the interrupt controller on.
pub(super) fn start() {
    let blocks = device_tree::tree().and_then(|tree| tree.device("arm,cortex-a15-gic"));
    let [distributor, cpu] = blocks.expect("the machine has no GIC of version 2: `-M virt,gic-version=2` has one");
    let mapped = map_registers(distributor.clone()).and(map_registers(cpu.clone()));
    mapped.expect("the registers of the GIC are among memory");
    // SAFETY: these are the two register blocks of the GIC, mapped, and this is the only one who uses them.
    let mut gic = unsafe {
        GicV2::new(
            ptr::with_exposed_provenance_mut(distributor.start as usize),
            ptr::with_exposed_provenance_mut(cpu.start as usize),
        )
    };
    gic.setup();
    *GIC.lock() = Some(gic);
}

/// Calls `handler` on interrupt number `interrupt` of the machine. `None` when there is no such interrupt, or when it has
/// a handler. Called with interrupts on.
///
/// The line interrupts as long as its level is high: the handler has to see to it that the device lets go.
///
/// A handler runs with interrupts off. It should do little: acknowledge, note what it was about, and
/// [wake](crate::kernel::idle::wake) the kernel.
pub(crate) fn on_line(interrupt: u32, handler: fn()) -> Option<()> {
    disable_interrupts();
    let connected = connect(interrupt, handler);
    enable_interrupts();
    connected
}

/// As [`on_line`], with interrupts off.
pub(super) fn connect(interrupt: u32, handler: fn()) -> Option<()> {
    let id = IntId::try_from(interrupt).ok().filter(|id| !id.is_sgi())?;
    let mut gic = GIC.lock();
    let gic = gic.as_mut()?;
    device_tree::add(interrupt, handler)?;
    gic.set_trigger(id, Trigger::Level);
    gic.enable_interrupt(id, true).ok()
}

struct Handlers;

exception_handlers!(Handlers);

impl ExceptionHandlers for Handlers {
    extern "C" fn irq_current(_: RegisterStateRef<'_>) {
        let next = || GIC.lock().as_mut()?.get_and_acknowledge_interrupt(GROUP);
        while let Some(id) = next() {
            device_tree::handle(id.into());
            if let Some(gic) = GIC.lock().as_mut() {
                gic.end_interrupt(id, GROUP);
            }
        }
    }

    extern "C" fn sync_current(state: RegisterStateRef<'_>) {
        report("exception", &state)
    }

    extern "C" fn serror_current(state: RegisterStateRef<'_>) {
        report("system error", &state)
    }
}

/// Says what went wrong, and ends the kernel.
fn report(kind: &str, state: &RegisterStateRef<'_>) -> ! {
    let syndrome = read_esr_el1();
    console::print_at_last(format_args!(
        "panic: {kind}: {} (syndrome {:#x}) at instruction {:#x}, last fault address {:#x}\n",
        name(syndrome.ec()),
        syndrome.bits(),
        state.elr,
        read_far_el1().va(),
    ));
    exit::exit(exit::Code::Panic)
}

/// What an exception class means (Arm Architecture Reference Manual, ESR_EL1), if it can happen here.
const fn name(class: u8) -> &'static str {
    match class {
        0x07 => "floating-point instruction",
        0x0e => "illegal state",
        0x21 => "page fault, fetching an instruction",
        0x22 => "misaligned instruction",
        0x25 => "page fault",
        0x26 => "misaligned stack",
        0x3c => "breakpoint",
        _ => "unknown",
    }
}
