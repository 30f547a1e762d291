//! The allocator of DMA memory.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ops::Range;

use super::failure::FailurePlan;
use crate::fault::When;
use crate::memory::{GuestMemory, PAGE_BYTES};

/// A first-fit allocator of DMA memory.
#[derive(Debug)]
pub(super) struct DmaAllocator {
    memory: GuestMemory,
    area: Range<u64>,
    /// Guest physical start and end address of each allocated region.
    regions: BTreeMap<u64, u64>,
    failures: FailurePlan,
}

impl DmaAllocator {
    pub(super) fn new(memory: GuestMemory, area: Range<u64>) -> Self {
        Self { memory, area, regions: BTreeMap::new(), failures: FailurePlan::default() }
    }

    pub(super) fn fail(&mut self, when: Option<When>) {
        self.failures = FailurePlan::new(when);
    }

    /// Returns the number of allocated regions.
    pub(super) fn len(&self) -> usize {
        self.regions.len()
    }

    /// Allocates the first free region that fits. Returns its guest physical address.
    pub(super) fn alloc(&mut self, layout: Layout) -> Option<u64> {
        let align = layout.align() as u64;
        if self.failures.next_call_fails() || align > PAGE_BYTES {
            return None;
        }
        let length = (layout.size() as u64).max(1);
        let mut start = self.area.start.next_multiple_of(align);
        for (&next, &end) in &self.regions {
            if start.checked_add(length)? <= next {
                break;
            }
            start = end.next_multiple_of(align);
        }
        let end = start.checked_add(length)?;
        if end > self.area.end {
            return None;
        }
        self.regions.insert(start, end);
        Some(start)
    }

    /// Frees a region. Returns whether a region of this length was allocated at `start`.
    pub(super) fn free(&mut self, start: u64, length: u64) -> bool {
        if self.regions.get(&start) != Some(&(start + length.max(1))) {
            return false;
        }
        self.regions.remove(&start);
        true
    }
}

impl Drop for DmaAllocator {
    fn drop(&mut self) {
        if !self.regions.is_empty() {
            // The holder of a region may still access it, so the mapping has to stay.
            std::mem::forget(self.memory.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocator() -> DmaAllocator {
        DmaAllocator::new(GuestMemory::new(0x4000).unwrap(), 0x1000..0x4000)
    }

    #[test]
    fn regions_are_aligned_disjoint_and_reusable() {
        let mut dma = allocator();
        let small = dma.alloc(Layout::from_size_align(6, 2).unwrap()).unwrap();
        let page = dma.alloc(Layout::from_size_align(0x1000, 0x1000).unwrap()).unwrap();
        let next = dma.alloc(Layout::from_size_align(16, 16).unwrap()).unwrap();
        assert_eq!((small, page, next), (0x1000, 0x2000, 0x1010));
        assert_eq!(dma.alloc(Layout::from_size_align(0x1001, 1).unwrap()), None);
        assert!(dma.free(page, 0x1000));
        assert!(!dma.free(page, 0x1000), "a region can be freed once");
        assert!(!dma.free(next, 15), "the length must match the allocation");
        assert_eq!(dma.alloc(Layout::from_size_align(0x1001, 1).unwrap()), Some(0x1020));
        assert_eq!(dma.len(), 3);
    }

    #[test]
    fn the_planned_allocation_fails() {
        let layout = Layout::new::<u64>();
        let mut dma = allocator();
        dma.fail(Some(When::At(1)));
        assert!(dma.alloc(layout).is_some());
        assert!(dma.alloc(layout).is_none());
        assert!(dma.alloc(layout).is_some());
    }
}
