//! Page tables: everything is mapped at its physical address.

use core::ops::Range;

use x86_64::registers::control::Cr3;
use x86_64::structures::paging::mapper::MapToError;
use x86_64::structures::paging::{
    FrameAllocator, Mapper, OffsetPageTable, Page, PageTable, PageTableFlags, PhysFrame, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

use crate::kernel::memory::FRAMES;

/// What `boot.s` maps: all physical addresses below this one, in bytes.
pub(crate) const BOOT_MAPPED: u64 = 4 << 30;

/// Maps memory at its physical addresses, in pages of 2 MiB. What is mapped already stays as it is. `None` where there is
/// no memory for the page tables.
pub(crate) fn map(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses.start.max(BOOT_MAPPED)..addresses.end, PageTableFlags::empty(), Mapped::Stays)
}

/// Maps the registers of a device at their physical addresses, so that no access to them is cached. The pages of 2 MiB
/// around them are mapped too. `None` where there is no memory for the page tables.
pub(crate) fn map_registers(addresses: Range<u64>) -> Option<()> {
    identity_map(addresses, PageTableFlags::NO_CACHE | PageTableFlags::WRITE_THROUGH, Mapped::Changes)
}

/// What happens to a page that is mapped already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mapped {
    Stays,
    /// It gets the new flags.
    Changes,
}

fn identity_map(addresses: Range<u64>, flags: PageTableFlags, mapped: Mapped) -> Option<()> {
    if addresses.is_empty() {
        return Some(());
    }
    let level_4 = VirtAddr::new(Cr3::read().0.start_address().as_u64()).as_mut_ptr();
    // SAFETY: the table that the CPU uses lies in the kernel's image; this function is the only one that writes to
    // it and never runs twice at a time: interrupt handlers do not map.
    let level_4: &mut PageTable = unsafe { &mut *level_4 };
    // SAFETY: all tables lie in memory that is mapped at its physical address.
    let mut tables = unsafe { OffsetPageTable::new(level_4, VirtAddr::zero()) };

    let flags = flags | PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
    let first = PhysFrame::<Size2MiB>::containing_address(PhysAddr::try_new(addresses.start).ok()?);
    let last = PhysFrame::containing_address(PhysAddr::try_new(addresses.end - 1).ok()?);
    for frame in PhysFrame::range_inclusive(first, last) {
        let page =
            Page::<Size2MiB>::from_start_address(VirtAddr::try_new(frame.start_address().as_u64()).ok()?).ok()?;
        // SAFETY: a mapping is added where there was none, so that no reference changes its meaning.
        match unsafe { tables.identity_map(frame, flags, &mut TableFrames) } {
            Ok(flush) => flush.flush(),
            Err(MapToError::FrameAllocationFailed) => return None,
            Err(_) if mapped == Mapped::Stays => {}
            Err(_) => {
                // SAFETY: the page stays where it is, so that every reference goes on pointing to the same.
                let changed = unsafe { tables.update_flags(page, flags) };
                changed.ok()?.flush();
            }
        }
    }
    Some(())
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
