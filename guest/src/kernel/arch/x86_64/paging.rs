//! Page tables: everything is mapped at its physical address, in pages of 2 MiB.

use core::ops::Range;

use aerostat_balloon::transport::MmioRegion;
use x86_64::registers::control::Cr3;
use x86_64::structures::paging::mapper::MapToError;
use x86_64::structures::paging::{
    FrameAllocator, Mapper, OffsetPageTable, Page, PageTable, PageTableFlags, PhysFrame, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

use crate::kernel::memory::{self, FRAMES};

/// `boot.s` maps all physical addresses below this one, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 4 << 30;

/// Maps memory at its physical addresses. Returns `None` if there is no memory for the page tables.
pub(crate) fn map(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses.start.max(BOOT_MAPPED)..addresses.end, PageTableFlags::empty(), IfMapped::Keep)
}

/// Maps registers of a device at physical addresses, uncached. Returns `None` if there is RAM at one of the addresses, or no
/// memory for the page tables.
pub(crate) fn registers(addresses: Range<u64>) -> Option<MmioRegion> {
    memory::registers(addresses, map_registers)
}

/// Maps the pages with these addresses as uncached.
fn map_registers(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses, PageTableFlags::NO_CACHE | PageTableFlags::WRITE_THROUGH, IfMapped::Change)
}

/// What to do with a page that is mapped already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfMapped {
    Keep,
    /// Set the new flags.
    Change,
}

fn identity_map(addresses: Range<u64>, flags: PageTableFlags, if_mapped: IfMapped) -> Option<()> {
    if addresses.is_empty() {
        return Some(());
    }
    let level_4 = VirtAddr::new(Cr3::read().0.start_address().as_u64()).as_mut_ptr();
    // SAFETY: the table of the CPU lies in the kernel image. Only this function writes to it, and there is one CPU whose
    // interrupt handlers do not call it.
    let level_4: &mut PageTable = unsafe { &mut *level_4 };
    // SAFETY: all tables are in memory that is mapped at its physical address.
    let mut tables = unsafe { OffsetPageTable::new(level_4, VirtAddr::zero()) };

    let flags = flags | PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
    let first = PhysFrame::<Size2MiB>::containing_address(PhysAddr::try_new(addresses.start).ok()?);
    let last = PhysFrame::containing_address(PhysAddr::try_new(addresses.end - 1).ok()?);
    for frame in PhysFrame::range_inclusive(first, last) {
        let page =
            Page::<Size2MiB>::from_start_address(VirtAddr::try_new(frame.start_address().as_u64()).ok()?).ok()?;
        // SAFETY: a mapping is added only where there was none, so that no reference is affected.
        match unsafe { tables.identity_map(frame, flags, &mut TableFrames) } {
            Ok(flush) => flush.flush(),
            Err(MapToError::FrameAllocationFailed) => return None,
            Err(_) if if_mapped == IfMapped::Keep => {}
            Err(_) => {
                // SAFETY: the page keeps its physical address, so that every reference stays valid.
                let changed = unsafe { tables.update_flags(page, flags) };
                changed.ok()?.flush();
            }
        }
    }
    Some(())
}

/// Allocates frames for page tables.
struct TableFrames;

// SAFETY: the frame was free, and is never deallocated.
unsafe impl FrameAllocator<Size4KiB> for TableFrames {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        let frame = FRAMES.lock().allocate(1)?;
        PhysFrame::from_start_address(PhysAddr::new(frame.start * aerostat_guest::FRAME_BYTES)).ok()
    }
}
