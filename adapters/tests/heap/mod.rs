//! A heap that checks the layouts.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

/// A first-fit heap in a range of addresses. It fails if memory is freed with another layout than it was allocated with.
pub(crate) struct Heap {
    range: Range<usize>,
    allocations: Mutex<BTreeMap<usize, Layout>>,
}

impl Heap {
    pub(crate) fn new(range: Range<usize>) -> Self {
        Self { range, allocations: Mutex::default() }
    }

    pub(crate) fn allocations(&self) -> usize {
        self.allocations.lock().unwrap().len()
    }

    /// Returns the number of allocations of the size of a frame.
    pub(crate) fn frames(&self) -> u64 {
        let frame = Layout::from_size_align(4096, 4096).unwrap();
        self.allocations.lock().unwrap().values().filter(|layout| **layout == frame).count() as u64
    }
}

// SAFETY: allocations are in the range, aligned, and do not overlap.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut allocations = self.allocations.lock().unwrap();
        let mut start = self.range.start.next_multiple_of(layout.align());
        for (&used, other) in &*allocations {
            if start + layout.size() <= used {
                break;
            }
            start = (used + other.size()).next_multiple_of(layout.align());
        }
        if start + layout.size() > self.range.end {
            return std::ptr::null_mut();
        }
        allocations.insert(start, layout);
        std::ptr::with_exposed_provenance_mut(start)
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        assert_eq!(
            self.allocations.lock().unwrap().remove(&start.addr()),
            Some(layout),
            "the layout of the allocation"
        );
    }
}
