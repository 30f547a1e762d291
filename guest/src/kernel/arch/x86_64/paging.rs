//! Page tables: everything is mapped at its physical address.

use core::ops::Range;

use x86_64::registers::control::Cr3;
use x86_64::structures::paging::mapper::MapToError;
use x86_64::structures::paging::{
    FrameAllocator, Mapper, OffsetPageTable, PageTable, PageTableFlags, PhysFrame, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

use crate::kernel::memory::FRAMES;

/// What `boot.s` maps: all physical addresses below this one, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 4 << 30;

/// Maps physical addresses at the same virtual addresses, in pages of 2 MiB. What is mapped already stays as it is.
///
/// Memory and device registers alike: which addresses are cached is a matter of the machine's memory type
/// registers, which the firmware has set, and an emulated device is behind no cache.
///
/// # Panics
///
/// When there is no memory for the page tables.
pub(crate) fn map(addresses: Range<u64>) {
    let addresses = addresses.start.max(BOOT_MAPPED)..addresses.end;
    if addresses.is_empty() {
        return;
    }
    let level_4 = VirtAddr::new(Cr3::read().0.start_address().as_u64()).as_mut_ptr();
    // SAFETY: the table that the CPU uses lies in the kernel's image; this function is the only one that writes to
    // it and never runs twice at a time: interrupt handlers do not map.
    let level_4: &mut PageTable = unsafe { &mut *level_4 };
    // SAFETY: all tables lie in memory that is mapped at its physical address.
    let mut tables = unsafe { OffsetPageTable::new(level_4, VirtAddr::zero()) };

    let first = PhysFrame::<Size2MiB>::containing_address(PhysAddr::new(addresses.start));
    let last = PhysFrame::containing_address(PhysAddr::new(addresses.end - 1));
    for frame in PhysFrame::range_inclusive(first, last) {
        let flags = PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
        // SAFETY: a mapping is added where there was none, so that no reference changes its meaning.
        match unsafe { tables.identity_map(frame, flags, &mut TableFrames) } {
            Ok(flush) => flush.flush(),
            Err(MapToError::PageAlreadyMapped(_) | MapToError::ParentEntryHugePage) => {}
            Err(MapToError::FrameAllocationFailed) => panic!("no memory for the page tables of {addresses:#x?}"),
        }
    }
}

/// Frames for page tables.
struct TableFrames;

// SAFETY: the frame belongs to the table from then on.
unsafe impl FrameAllocator<Size4KiB> for TableFrames {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        let frame = FRAMES.lock().take(1)?;
        PhysFrame::from_start_address(PhysAddr::new(frame.start * aerostat_guest::FRAME_BYTES)).ok()
    }
}
