//! Painting the stack, to measure how much of it a call uses.

use core::arch::naked_asm;

/// Fills the stack from `bottom` up to the stack pointer with `pattern`, calls `call` with `data`, and returns the
/// distance in bytes from the stack pointer down to the lowest word that has changed.
///
/// # Safety
///
/// * `bottom` is aligned to 8 bytes. The memory from there up to the stack pointer is unused stack of this CPU.
/// * Interrupts are off: their handlers use the same stack.
/// * `call` may be called with `data`, and does not unwind.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn call_on_painted_stack(
    call: unsafe extern "C" fn(*mut ()),
    data: *mut (),
    bottom: *mut u64,
    pattern: u64,
) -> usize {
    naked_asm!(
        "stp x29, x30, [sp, #-32]!",
        "stp x19, x20, [sp, #16]",
        "mov x29, sp",
        "mov x19, x2",
        "mov x20, x3",
        "mov x9, x0",
        // Paint.
        "1: cmp sp, x2",
        "b.ls 2f",
        "str x20, [x2], #8",
        "b 1b",
        "2: mov x0, x1",
        "blr x9",
        // Scan upwards.
        "3: cmp sp, x19",
        "b.ls 4f",
        "ldr x9, [x19]",
        "cmp x9, x20",
        "b.ne 4f",
        "add x19, x19, #8",
        "b 3b",
        "4: mov x9, sp",
        "sub x0, x9, x19",
        "ldp x19, x20, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        "ret",
    )
}

/// Uses `bytes` of stack, a multiple of 16, and writes to the lowest word of them.
///
/// # Safety
///
/// That much stack is free.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn use_stack(bytes: usize) {
    naked_asm!("sub sp, sp, x0", "str xzr, [sp]", "add sp, sp, x0", "ret",)
}
