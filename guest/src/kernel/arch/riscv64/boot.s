# From the firmware to Rust: supervisor mode without paging, the number of the hart in a0 and the address of the device
# tree in a1 (RISC-V Supervisor Binary Interface). Both are passed on.

    .section .init.entry, "ax"
    .global entry
entry:
    la sp, boot_stack_end
    tail {start}

    .section .stack.boot_stack, "aw", @nobits
    .balign 4096
    .skip 0x40000                   # enough for a build without optimization, which takes 160 KiB
