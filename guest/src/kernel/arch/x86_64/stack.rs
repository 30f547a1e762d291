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
        "push rbx",
        "push rbp",
        "push r12", // the return address and three registers: the stack is aligned to 16 bytes
        "mov rbx, rdx",
        "mov rbp, rcx",
        "mov r12, rdi",
        // Paint. The direction flag is clear in every function.
        "mov rdi, rbx",
        "mov rax, rbp",
        "mov rcx, rsp",
        "sub rcx, rbx",
        "shr rcx, 3",
        "rep stosq",
        "mov rdi, rsi",
        "call r12",
        // Scan upwards. The call has written its return address, so that the scan always ends there.
        "mov rdi, rbx",
        "mov rax, rbp",
        "mov rcx, rsp",
        "sub rcx, rbx",
        "shr rcx, 3",
        "repe scasq",
        "lea rax, [rsp + 8]", // `scasq` is one word past the word that it found
        "sub rax, rdi",
        "pop r12",
        "pop rbp",
        "pop rbx",
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
    naked_asm!("sub rsp, rdi", "mov qword ptr [rsp], 0", "add rsp, rdi", "ret",)
}
