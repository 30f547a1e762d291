//! The book of device memory.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::memory::{GuestMemory, PAGE_BYTES};
use crate::misbehave::When;

/// Which pieces of the reserved memory are lent.
#[derive(Debug)]
pub(super) struct DmaBook {
    memory: GuestMemory,
    area: Range<u64>,
    /// Guest physical address and end of each piece that is lent.
    lent: BTreeMap<u64, u64>,
    allocations: u64,
    failure: Option<When>,
}

impl DmaBook {
    pub(super) fn new(memory: GuestMemory, area: Range<u64>) -> Self {
        Self { memory, area, lent: BTreeMap::new(), allocations: 0, failure: None }
    }

    pub(super) fn fail(&mut self, when: Option<When>) {
        self.allocations = 0;
        self.failure = when;
    }

    pub(super) fn outstanding(&self) -> usize {
        self.lent.len()
    }

    /// The guest physical address of the first piece that fits.
    pub(super) fn alloc(&mut self, layout: Layout) -> Option<u64> {
        let number = self.allocations;
        self.allocations += 1;
        let fails = self.failure.is_some_and(|when| when.holds(number));
        let align = layout.align() as u64;
        if fails || align > PAGE_BYTES {
            return None;
        }
        let length = (layout.size() as u64).max(1);
        let mut start = self.area.start.next_multiple_of(align);
        for (&taken, &end) in &self.lent {
            if start.checked_add(length)? <= taken {
                break;
            }
            start = end.next_multiple_of(align);
        }
        let end = start.checked_add(length)?;
        if end > self.area.end {
            return None;
        }
        self.lent.insert(start, end);
        Some(start)
    }

    /// Takes a piece back. Whether it was lent with this length.
    pub(super) fn free(&mut self, start: u64, length: u64) -> bool {
        if self.lent.get(&start) != Some(&(start + length.max(1))) {
            return false;
        }
        self.lent.remove(&start);
        true
    }
}

impl Drop for DmaBook {
    fn drop(&mut self) {
        if !self.lent.is_empty() {
            // Somebody still holds a region, and may use it: the mapping has to stay.
            std::mem::forget(self.memory.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> DmaBook {
        DmaBook::new(GuestMemory::new(0x4000).unwrap(), 0x1000..0x4000)
    }

    #[test]
    fn pieces_are_aligned_apart_and_come_again() {
        let mut book = book();
        let small = book.alloc(Layout::from_size_align(6, 2).unwrap()).unwrap();
        let page = book.alloc(Layout::from_size_align(0x1000, 0x1000).unwrap()).unwrap();
        let next = book.alloc(Layout::from_size_align(16, 16).unwrap()).unwrap();
        assert_eq!((small, page, next), (0x1000, 0x2000, 0x1010));
        assert_eq!(book.alloc(Layout::from_size_align(0x1001, 1).unwrap()), None);
        assert!(book.free(page, 0x1000));
        assert!(!book.free(page, 0x1000), "a piece is freed once");
        assert!(!book.free(next, 15), "with the length it was lent with");
        assert_eq!(book.alloc(Layout::from_size_align(0x1001, 1).unwrap()), Some(0x1020));
        assert_eq!(book.outstanding(), 3);
    }

    #[test]
    fn an_allocation_fails_when_it_is_told_to() {
        let layout = Layout::new::<u64>();
        let mut book = book();
        book.fail(Some(When::At(1)));
        assert!(book.alloc(layout).is_some());
        assert!(book.alloc(layout).is_none());
        assert!(book.alloc(layout).is_some());
    }
}
