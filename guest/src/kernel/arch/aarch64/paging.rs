//! The page table: everything is mapped at its physical address, in blocks of 1 GiB, each of which has either memory or
//! registers.

use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use aarch64_rt::enable_mmu;

/// What the boot code maps: all physical addresses below this one, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 2 * BLOCK;

const BLOCK: u64 = 1 << 30;

/// An entry that maps a block (Arm Architecture Reference Manual, D8.3.1): valid, used already, shared by all CPUs.
const MAPPED: u64 = 1 | 1 << 10 | 3 << 8;
/// Its memory type: the one of the two that [`aarch64_rt`] sets up. Registers (Device-nGnRE) are never executed.
const REGISTERS: u64 = MAPPED | 1 << 53 | 1 << 54;
/// The other one: memory, cached in both directions.
const MEMORY: u64 = MAPPED | 1 << 2;

/// A table of level 1, which covers 512 GiB.
#[repr(C, align(4096))]
struct Table([AtomicU64; 512]);

static TABLE: Table = {
    let mut table = Table([const { AtomicU64::new(0) }; 512]);
    // On the `virt` machine the first GiB is for devices, and memory begins with the second.
    table.0[0] = AtomicU64::new(REGISTERS);
    table.0[1] = AtomicU64::new(BLOCK | MEMORY);
    table
};

enable_mmu!(TABLE);

/// Maps memory at its physical addresses, and the blocks around it. What is mapped already stays as it is. `None` where
/// registers are in the same block, and above 512 GiB.
pub(crate) fn map(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses, MEMORY)
}

/// Maps the registers of a device at their physical addresses, so that no access to them is cached, and the blocks
/// around them. `None` where memory is in the same block, and above 512 GiB.
pub(crate) fn map_registers(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses, REGISTERS)
}

fn identity_map(addresses: Range<u64>, attributes: u64) -> Option<()> {
    if addresses.is_empty() {
        return Some(());
    }
    for block in addresses.start / BLOCK..=(addresses.end - 1) / BLOCK {
        let wanted = (block * BLOCK) | attributes;
        let entry = TABLE.0.get(block as usize)?;
        if let Err(there) = entry.compare_exchange(0, wanted, Ordering::Relaxed, Ordering::Relaxed)
            && there != wanted
        {
            return None;
        }
    }
    // SAFETY: the barriers let the CPU see the new entries from here on. Old ones, which it may know, have not changed.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) };
    Some(())
}
