//! The interrupt controller, and the dispatch of interrupts and exceptions.

use core::ptr;

use aarch64_rt::{ExceptionHandlers, RegisterStateRef, exception_handlers};
use arm_gic::gicv2::GicV2;
use arm_gic::{IntId, InterruptGroup, Trigger};
use arm_sysregs::el1::accessors::{read_esr_el1, read_far_el1};
use spin::Mutex;

use super::cpu::{disable_interrupts, enable_interrupts};
use super::paging::map_registers;
use crate::kernel::arch::device_tree;

/// The interrupt controller. It is locked only with interrupts off.
static GIC: Mutex<Option<GicV2<'static>>> = Mutex::new(None);

/// The group of all interrupts on a machine without a secure world, and of those of the normal world on one with it.
const GROUP: InterruptGroup = InterruptGroup::Group0;

/// Enables the interrupt controller.
///
/// # Panics
///
/// If the machine has no GIC of version 2.
pub(super) fn start() {
    let blocks = device_tree::tree().and_then(|tree| tree.device("arm,cortex-a15-gic"));
    let [distributor, cpu] =
        blocks.expect("the machine has no GIC of version 2: start QEMU with `-M virt,gic-version=2`");
    let mapped = map_registers(distributor.clone()).and(map_registers(cpu.clone()));
    mapped.expect("failed to map the registers of the GIC: there is RAM in the same block of 1 GiB");
    // SAFETY: these are the two register blocks of the GIC, mapped forever. No other code uses them.
    let mut gic = unsafe {
        GicV2::new(
            ptr::with_exposed_provenance_mut(distributor.start as usize),
            ptr::with_exposed_provenance_mut(cpu.start as usize),
        )
    };
    gic.setup();
    *GIC.lock() = Some(gic);
}

/// Sets the handler of interrupt number `interrupt` of the machine. Returns `None` if there is no such interrupt, or if it
/// has another handler. Called with interrupts on.
///
/// A line interrupts as long as its level is high: the handler must make the device lower it.
///
/// A handler runs with interrupts off. It should only acknowledge the interrupt, store its cause, and
/// [wake](crate::kernel::idle::wake) the kernel.
pub(crate) fn on_line(interrupt: u32, handler: fn()) -> Option<()> {
    disable_interrupts();
    let connected = connect(interrupt, handler);
    enable_interrupts();
    connected
}

/// Like [`on_line`], but called with interrupts off.
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
        panic_on("exception", &state)
    }

    extern "C" fn serror_current(state: RegisterStateRef<'_>) {
        panic_on("system error", &state)
    }
}

/// Ends the kernel because of an exception.
fn panic_on(kind: &str, state: &RegisterStateRef<'_>) -> ! {
    let syndrome = read_esr_el1();
    panic!(
        "{kind}: {} (syndrome {:#x}) at instruction {:#x}, last fault address {:#x}",
        name(syndrome.ec()),
        syndrome.bits(),
        state.elr,
        read_far_el1().va(),
    )
}

/// Returns the name of an exception class (Arm Architecture Reference Manual, ESR_EL1), for those that can occur here.
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
