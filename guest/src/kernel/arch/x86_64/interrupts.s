# An entry point for each vector, 16 bytes each. It pushes the vector and continues in the common part.

    .section .text.interrupts, "ax"
    .balign 16
interrupt_entries:
    .set vector, 0
    .rept 256
    .balign 16
    # The CPU pushes an error code for vectors 8, 10 to 14, 17, 21, 29 and 30. For the others this code pushes 0.
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
    # The registers that a Rust function may change are saved. With 9 of them, the vector, the error code and 5 words of the
    # CPU, which has aligned the stack before, the stack is aligned to 16 bytes.
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
