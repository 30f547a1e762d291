# Enters Rust from the loader: switches from 32-bit protected mode without paging to 64-bit long mode, with the first 4 GiB
# mapped at their physical addresses.
#
# PVH ("x86/HVM direct boot ABI"): the loader finds the entry point in an ELF note and jumps to it with flat segments,
# interrupts off, and the physical address of `hvm_start_info` in ebx.

    .section .note.pvh, "a", @note
    .balign 4
    .long 4                         # length of the name
    .long 8                         # length of the value
    .long 18                        # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

    .section .text.boot, "ax"
    .code32
    .global pvh_start
pvh_start:
    cld
    mov esp, offset boot_stack_end

    # The tables are in .bss, which is zero. Level 4 -> level 3 -> four tables of level 2.
    mov eax, offset boot_level_3
    or eax, 0x3                     # present, writable
    mov [boot_level_4], eax
    mov eax, offset boot_level_2
    or eax, 0x3
    mov edi, offset boot_level_3
    mov ecx, 4
1:  mov [edi], eax
    add eax, 0x1000
    add edi, 8
    loop 1b

    # 4 * 512 pages of 2 MiB.
    mov eax, 0x83                   # present, writable, large
    mov edi, offset boot_level_2
    mov ecx, 2048
2:  mov [edi], eax
    add eax, 0x200000
    add edi, 8
    loop 2b

    mov eax, offset boot_level_4
    mov cr3, eax
    mov eax, cr4
    or eax, 0x20                    # PAE
    mov cr4, eax
    mov ecx, 0xc0000080             # EFER
    rdmsr
    or eax, 0x100                   # LME: long mode
    wrmsr
    mov eax, cr0
    or eax, 0x80010000              # PG, WP
    mov cr0, eax

    lgdt [boot_gdt_pointer]
    mov eax, offset long_mode
    push 0x08                       # the 64-bit code segment
    push eax
    retf

    .code64
long_mode:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov edi, ebx                    # the address of hvm_start_info, zero-extended
    xor ebp, ebp
    call {start}
    ud2

    .section .rodata.boot, "a"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        # code, 64 bits, ring 0
boot_gdt_pointer:
    .word 2 * 8 - 1
    .long boot_gdt

    .section .bss.boot, "aw", @nobits
    .balign 4096
boot_level_4: .skip 4096
boot_level_3: .skip 4096
boot_level_2: .skip 4 * 4096
    .global boot_stack_begin
boot_stack_begin:
    .skip 0x40000                   # a build without optimization uses 160 KiB
boot_stack_end:
