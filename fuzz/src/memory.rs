//! The memory that driver and device share. Each region is an allocation of its own, so that AddressSanitizer notices an access
//! outside it.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

/// What the platform adds to a physical address when it maps memory for the device.
pub(crate) const MAPPED: u64 = 1 << 60;

/// A region of memory.
#[derive(Debug)]
struct Region {
    start: NonNull<u8>,
    physical: u64,
    layout: Layout,
    /// Whether the device knows the region: as a ring, or through a descriptor.
    is_held: bool,
}

/// All regions that the driver has allocated, and the mappings for the device.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    regions: Vec<Region>,
    /// The mappings of the platform: address and length.
    mappings: Vec<(u64, u64)>,
    next: u64,
    /// Whether the device uses addresses that the platform mapped (ACCESS_PLATFORM).
    pub(crate) is_mapped: bool,
}

impl Memory {
    /// Returns memory without regions, whose addresses start at `next`.
    pub(crate) fn starting(next: u64) -> Self {
        let mut memory = Self::default();
        memory.next = next;
        memory
    }

    /// Allocates a region with arbitrary contents.
    pub(crate) fn allocate(&mut self, layout: Layout) -> Option<(NonNull<u8>, u64)> {
        // SAFETY: the driver never asks for an empty layout; `max` makes sure of it.
        let start = NonNull::new(unsafe { alloc(exact(layout)) })?;
        // SAFETY: the allocation has at least this length.
        unsafe { start.write_bytes(0xa5, layout.size()) };
        let align = layout.align() as u64;
        let physical = self.next.max(0x10_000).next_multiple_of(align);
        self.next = physical + layout.size() as u64 + 64;
        self.regions.push(Region { start, physical, layout, is_held: false });
        Some((start, physical))
    }

    /// Frees a region.
    pub(crate) fn free(&mut self, physical: u64, length: usize) -> Result<(), String> {
        let Some(at) = self.regions.iter().position(|region| region.physical == physical) else {
            return Err(format!("DMA memory at {physical:#x} was freed twice or never allocated"));
        };
        let region = &self.regions[at];
        if region.layout.size() != length {
            return Err(format!("DMA memory at {physical:#x} was freed with another length"));
        }
        if region.is_held {
            return Err(format!("DMA memory at {physical:#x} was freed while the device can use it"));
        }
        if self.mappings.iter().any(|&(start, _)| start == physical) {
            return Err(format!("DMA memory at {physical:#x} was freed while it is mapped"));
        }
        let region = self.regions.swap_remove(at);
        // SAFETY: the region was allocated with this layout, and is freed once because it was just removed.
        unsafe { dealloc(region.start.as_ptr(), exact(region.layout)) };
        Ok(())
    }

    /// Maps memory for the device.
    pub(crate) fn map(&mut self, physical: u64, bytes: usize) -> u64 {
        self.mappings.push((physical, bytes as u64));
        physical | MAPPED
    }

    /// Undoes [`Memory::map`].
    pub(crate) fn unmap(&mut self, physical: u64, bytes: usize) -> Result<(), String> {
        let Some(at) = self.mappings.iter().position(|&mapping| mapping == (physical, bytes as u64)) else {
            return Err(format!("{bytes} bytes at {physical:#x} were unmapped twice or never mapped"));
        };
        self.mappings.swap_remove(at);
        Ok(())
    }

    /// Returns the physical address of `length` bytes at an address of the device.
    pub(crate) fn physical(&self, address: u64, length: u64) -> Option<u64> {
        if !self.is_mapped {
            return (address & MAPPED == 0).then_some(address);
        }
        let physical = address.checked_sub(MAPPED)?;
        let end = physical.checked_add(length)?;
        let is_inside = |&(start, bytes): &(u64, u64)| physical >= start && end <= start + bytes;
        self.mappings.iter().any(is_inside).then_some(physical)
    }

    /// Returns a pointer to `length` bytes at an address of the device, and notes that the device knows the region. `None` if
    /// they are not inside one region.
    pub(crate) fn hold(&mut self, address: u64, length: u64) -> Option<NonNull<u8>> {
        let physical = self.physical(address, length)?;
        let end = physical.checked_add(length)?;
        let region = self
            .regions
            .iter_mut()
            .find(|region| physical >= region.physical && end <= region.physical + region.layout.size() as u64)?;
        region.is_held = true;
        // SAFETY: the offset is inside the allocation, as just checked.
        Some(unsafe { region.start.add((physical - region.physical) as usize) })
    }

    /// Notes that the device was reset: it knows no region any more.
    pub(crate) fn release(&mut self) {
        for region in &mut self.regions {
            region.is_held = false;
        }
    }

    /// Returns how many regions and mappings exist.
    pub(crate) fn outstanding(&self) -> (usize, usize) {
        (self.regions.len(), self.mappings.len())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for region in self.regions.drain(..) {
            // SAFETY: allocated with this layout, and not freed before, because freeing removes the region.
            unsafe { dealloc(region.start.as_ptr(), exact(region.layout)) };
        }
    }
}

/// Returns the layout without length 0, which the allocator does not take.
fn exact(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size().max(1), layout.align()).unwrap_or(layout)
}

/// Memory of a ring at a fixed address. The driver may write to it between two accesses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    start: NonNull<u8>,
    length: usize,
}

macro_rules! access {
    ($int:ty, $read:ident, $write:ident) => {
        pub(crate) fn $read(&self, offset: usize) -> $int {
            // SAFETY: `at` returns a valid, aligned pointer; the driver accesses the memory only through such accesses.
            self.at::<$int>(offset).map_or(0, |at| unsafe { at.read_volatile() })
        }

        pub(crate) fn $write(&self, offset: usize, value: $int) {
            if let Some(at) = self.at::<$int>(offset) {
                // SAFETY: as above.
                unsafe { at.write_volatile(value) }
            }
        }
    };
}

impl Area {
    /// Returns the `length` bytes at `start`, which [`Memory::hold`] returned. They are used only until the region is freed.
    pub(crate) const fn new(start: NonNull<u8>, length: usize) -> Self {
        Self { start, length }
    }

    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    fn at<X>(&self, offset: usize) -> Option<NonNull<X>> {
        if offset + size_of::<X>() > self.length {
            return None;
        }
        // SAFETY: inside the area.
        let at = unsafe { self.start.add(offset) }.cast::<X>();
        at.is_aligned().then_some(at)
    }

    access!(u16, read16, write16);
    access!(u32, read32, write32);

    pub(crate) fn read64(&self, offset: usize) -> u64 {
        u64::from(self.read32(offset)) | u64::from(self.read32(offset + 4)) << 32
    }
}
