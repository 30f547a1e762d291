# Enters Rust from the firmware, in supervisor mode without paging. The number of the hart is in a0, the address of the
# device tree in a1 (RISC-V Supervisor Binary Interface). Both are passed on as arguments.

    .section .init.entry, "ax"
    .global entry
entry:
    la sp, boot_stack_end
    tail {start}

    .section .stack.boot_stack, "aw", @nobits
    .balign 4096
    .skip 0x40000                   # a build without optimization uses 160 KiB
