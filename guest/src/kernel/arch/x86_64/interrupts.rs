//! Interrupts and exceptions: who is called when one comes.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU8, Ordering};

use spin::Once;
use x86_64::VirtAddr;
use x86_64::registers::control::Cr2;
use x86_64::structures::idt::InterruptDescriptorTable;

use super::apic;
use crate::kernel::arch::Message;
use crate::kernel::{console, exit, idle};

global_asm!(include_str!("interrupts.s"), dispatch = sym dispatch);

/// The vector of the timer.
pub(super) const TIMER: u8 = 32;
/// The vector of an interrupt that was gone before the CPU could look.
pub(super) const SPURIOUS: u8 = 255;

/// What the entry points push, lowest address first, and what the CPU pushes.
#[repr(C)]
struct Entered {
    vector: u64,
    error_code: u64,
    instruction: u64,
    code_segment: u64,
    flags: u64,
    stack: u64,
    stack_segment: u64,
}

/// Handlers by vector.
static HANDLERS: [Once<fn()>; 256] = [const { Once::new() }; 256];
/// The next vector without a handler.
static NEXT: AtomicU8 = AtomicU8::new(TIMER + 1);

/// Calls `handler` whenever a device sends the message that is returned. `None` when all vectors are taken.
///
/// A handler runs with interrupts off. It should do little: acknowledge, note what it was about, and [`idle::wake`] the kernel.
pub(crate) fn on_message(handler: fn()) -> Option<Message> {
    let vector = vector(handler)?;
    Some(Message { address: apic::message_address(), data: vector.into() })
}

/// Calls `handler` on interrupt number `interrupt` of the machine. `None` when there is no such interrupt, or all
/// vectors are taken.
///
/// The line interrupts as long as its level is high: the handler has to see to it that the device lets go.
pub(crate) fn on_line(interrupt: u32, handler: fn()) -> Option<()> {
    apic::route(interrupt, vector(handler)?)
}

fn vector(handler: fn()) -> Option<u8> {
    let next = |vector: u8| (vector < SPURIOUS).then(|| vector + 1);
    let vector = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
    HANDLERS[usize::from(vector)].call_once(|| handler);
    Some(vector)
}

/// Makes the CPU use the entry points, and switches the APICs on.
pub(super) fn start() {
    static TABLE: Once<InterruptDescriptorTable> = Once::new();
    TABLE.call_once(table).load();
    HANDLERS[usize::from(TIMER)].call_once(|| idle::wake);
    apic::start();
}

/// Called from every entry point, with interrupts off.
extern "C" fn dispatch(entered: &Entered) {
    let vector = entered.vector as usize;
    if vector < usize::from(TIMER) {
        report(entered);
    }
    if let Some(handler) = HANDLERS.get(vector).and_then(Once::get) {
        handler();
    }
    // The local APIC does not count a spurious interrupt.
    if vector != usize::from(SPURIOUS) {
        apic::end_of_interrupt();
    }
}

/// Says what went wrong, and ends the kernel.
fn report(entered: &Entered) -> ! {
    let name = EXCEPTIONS.iter().find(|(vector, _)| *vector == entered.vector).map_or("exception", |(_, name)| name);
    console::print_at_last(format_args!(
        "panic: {name} (vector {}, error code {:#x}) at instruction {:#x}, stack {:#x}, last fault address {:#x}\n",
        entered.vector,
        entered.error_code,
        entered.instruction,
        entered.stack,
        Cr2::read_raw(),
    ));
    exit::exit(exit::Code::Panic)
}

macro_rules! exceptions {
    ($($vector:literal $field:ident: $name:literal,)*) => {
        const EXCEPTIONS: &[(u64, &str)] = &[$(($vector, $name)),*];

        /// The descriptor table: every vector to its own entry point.
        fn table() -> InterruptDescriptorTable {
            let mut table = InterruptDescriptorTable::new();
            $(
                // SAFETY: the entry point is for this vector, with or without error code, and preserves all registers.
                unsafe { table.$field.set_handler_addr(entry_point($vector)) };
            )*
            for vector in TIMER..=SPURIOUS {
                // SAFETY: as above.
                unsafe { table[vector].set_handler_addr(entry_point(vector)) };
            }
            table
        }
    };
}

exceptions! {
    0 divide_error: "division error",
    1 debug: "debug exception",
    2 non_maskable_interrupt: "non-maskable interrupt",
    3 breakpoint: "breakpoint",
    4 overflow: "overflow",
    5 bound_range_exceeded: "bound range exceeded",
    6 invalid_opcode: "invalid instruction",
    7 device_not_available: "no floating-point unit",
    8 double_fault: "double fault",
    10 invalid_tss: "invalid task state segment",
    11 segment_not_present: "segment not present",
    12 stack_segment_fault: "stack segment fault",
    13 general_protection_fault: "general protection fault",
    14 page_fault: "page fault",
    16 x87_floating_point: "floating-point error",
    17 alignment_check: "misaligned access",
    18 machine_check: "machine check",
    19 simd_floating_point: "vector floating-point error",
}

/// The address of the entry point for `vector`.
fn entry_point(vector: u8) -> VirtAddr {
    unsafe extern "C" {
        static interrupt_entries: [[u8; 16]; 256];
    }
    VirtAddr::new((&raw const interrupt_entries).addr() as u64 + 16 * u64::from(vector))
}
