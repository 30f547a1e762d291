//! The page table: everything is mapped at its physical address, in blocks of 1 GiB. A block has either memory or registers.

use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use aarch64_rt::enable_mmu;
use aerostat_balloon::transport::MmioRegion;

use crate::kernel::memory;

/// The boot code maps all physical addresses below this one, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 2 * BLOCK;

const BLOCK: u64 = 1 << 30;

/// Bits of an entry that maps a block (Arm Architecture Reference Manual, D8.3.1): valid, access flag, inner shareable.
const MAPPED: u64 = 1 | 1 << 10 | 3 << 8;
/// An entry for registers: memory type 0 of [`aarch64_rt`] (Device-nGnRE), not executable.
const REGISTERS: u64 = MAPPED | 1 << 53 | 1 << 54;
/// An entry for memory: memory type 1 of [`aarch64_rt`] (write-back).
const MEMORY: u64 = MAPPED | 1 << 2;

/// A table of level 1, which covers 512 GiB.
#[repr(C, align(4096))]
struct Table([AtomicU64; 512]);

static TABLE: Table = {
    let mut table = Table([const { AtomicU64::new(0) }; 512]);
    // On the `virt` machine the first GiB has devices, and memory starts at the second.
    table.0[0] = AtomicU64::new(REGISTERS);
    table.0[1] = AtomicU64::new(BLOCK | MEMORY);
    table
};

enable_mmu!(TABLE);

/// Maps the blocks with these addresses as memory. Returns `None` if a block has registers, or is above 512 GiB.
pub(crate) fn map(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses, MEMORY)
}

/// Maps registers of a device at physical addresses, uncached. Returns `None` if there is RAM in the same block, or the block
/// is above 512 GiB.
pub(crate) fn registers(addresses: Range<u64>) -> Option<MmioRegion> {
    memory::registers(addresses, map_registers)
}

/// Maps the blocks with these addresses as registers. Returns `None` if a block has memory, or is above 512 GiB.
pub(super) fn map_registers(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses, REGISTERS)
}

fn identity_map(addresses: Range<u64>, attributes: u64) -> Option<()> {
    if addresses.is_empty() {
        return Some(());
    }
    for block in addresses.start / BLOCK..=(addresses.end - 1) / BLOCK {
        let new = (block * BLOCK) | attributes;
        let entry = TABLE.0.get(block as usize)?;
        if let Err(current) = entry.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed)
            && current != new
        {
            return None;
        }
    }
    // SAFETY: the barriers only order memory accesses. They make the CPU use the new entries; no valid entry has changed.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) };
    Some(())
}
