# One entry point a vector, 16 bytes each: pushes what tells the vectors apart and goes on alike.

    .section .text.interrupts, "ax"
    .balign 16
interrupt_entries:
    .set vector, 0
    .rept 256
    .balign 16
    # The CPU itself pushes an error code for vectors 8, 10 to 14, 17, 21, 29 and 30; for all others we do.
    .if ((0x60227d00 >> vector) & 1) == 0 || vector >= 32
    push 0
    .endif
    push vector
    jmp interrupt_common
    .set vector, vector + 1
    .endr

interrupt_common:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    # The registers that Rust may change are saved. 9 of them, the vector, the error code and 5 words of the CPU: the
    # stack is aligned to 16 bytes, as the CPU had aligned it before.
    cld
    lea rdi, [rsp + 9 * 8]
    call {dispatch}
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    iretq
