//! Dispatches interrupts and exceptions.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU8, Ordering};

use spin::Once;
use x86_64::VirtAddr;
use x86_64::registers::control::Cr2;
use x86_64::structures::idt::InterruptDescriptorTable;

use super::apic;
use super::vectors::{SPURIOUS, TIMER};
use crate::kernel::arch::message::Message;

global_asm!(include_str!("interrupts.s"), dispatch = sym dispatch);

/// The stack after the entry: what the entry point pushes, lowest address first, and what the CPU pushes.
#[repr(C)]
struct InterruptFrame {
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
/// The next free vector.
static NEXT: AtomicU8 = AtomicU8::new(TIMER + 1);

/// Sets the handler of the returned message. Returns `None` if all vectors are in use.
///
/// A handler runs with interrupts off. It should only acknowledge the interrupt, store its cause, and
/// [wake](crate::kernel::idle::wake) the kernel.
pub(crate) fn on_message(handler: fn()) -> Option<Message> {
    let vector = allocate_vector(handler)?;
    Some(Message { address: apic::message_address(), data: vector.into() })
}

/// Sets the handler of interrupt number `interrupt` of the machine. Returns `None` if there is no such interrupt, or all
/// vectors are in use.
///
/// A line interrupts as long as its level is high: the handler must make the device lower it.
pub(crate) fn on_line(interrupt: u32, handler: fn()) -> Option<()> {
    apic::route(interrupt, allocate_vector(handler)?)
}

fn allocate_vector(handler: fn()) -> Option<u8> {
    let next = |vector: u8| (vector < SPURIOUS).then(|| vector + 1);
    let vector = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
    HANDLERS[usize::from(vector)].call_once(|| handler);
    Some(vector)
}

/// Loads the descriptor table and enables the APICs.
pub(super) fn start() {
    static TABLE: Once<InterruptDescriptorTable> = Once::new();
    TABLE.call_once(table).load();
    apic::start();
}

/// Called from every entry point, with interrupts off.
extern "C" fn dispatch(frame: &InterruptFrame) {
    let vector = frame.vector as usize;
    if vector < usize::from(TIMER) {
        panic_on_exception(frame);
    }
    // The timer has no handler: its interrupt has ended the sleep, and `idle::wait` checks the time.
    if let Some(handler) = HANDLERS.get(vector).and_then(Once::get) {
        handler();
    }
    // A spurious interrupt must not be acknowledged.
    if vector != usize::from(SPURIOUS) {
        apic::end_of_interrupt();
    }
}

/// Ends the kernel because of an exception.
fn panic_on_exception(frame: &InterruptFrame) -> ! {
    let name = EXCEPTIONS.iter().find(|(vector, _)| *vector == frame.vector).map_or("exception", |(_, name)| name);
    panic!(
        "{name} (vector {}, error code {:#x}) at instruction {:#x}, stack {:#x}, last fault address {:#x}",
        frame.vector,
        frame.error_code,
        frame.instruction,
        frame.stack,
        Cr2::read_raw(),
    )
}

macro_rules! exceptions {
    ($($vector:literal $field:ident: $name:literal,)*) => {
        const EXCEPTIONS: &[(u64, &str)] = &[$(($vector, $name)),*];

        /// Returns the descriptor table, with an entry point for each vector.
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

/// Returns the address of the entry point for `vector`.
fn entry_point(vector: u8) -> VirtAddr {
    unsafe extern "C" {
        static interrupt_entries: [[u8; 16]; 256];
    }
    VirtAddr::new((&raw const interrupt_entries).addr() as u64 + 16 * u64::from(vector))
}
