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
        "addi sp, sp, -32",
        "sd ra, 24(sp)",
        "sd s0, 16(sp)",
        "sd s1, 8(sp)",
        "mv s0, a2",
        "mv s1, a3",
        "mv t0, a0",
        // Paint.
        "1: bgeu a2, sp, 2f",
        "sd s1, 0(a2)",
        "addi a2, a2, 8",
        "j 1b",
        "2: mv a0, a1",
        "jalr t0",
        // Scan upwards.
        "3: bgeu s0, sp, 4f",
        "ld t0, 0(s0)",
        "bne t0, s1, 4f",
        "addi s0, s0, 8",
        "j 3b",
        "4: sub a0, sp, s0",
        "ld ra, 24(sp)",
        "ld s0, 16(sp)",
        "ld s1, 8(sp)",
        "addi sp, sp, 32",
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
    naked_asm!("sub sp, sp, a0", "sd zero, 0(sp)", "add sp, sp, a0", "ret",)
}
