//! What reports and hints have in common: ranges of pages that the kernel has no use for.

use std::ops::Range;

use super::pages::append;
use super::ring::Element;
use super::{State, Work};
use crate::memory::PAGE_BYTES;
use crate::violation::FreePageViolation;

impl State {
    /// The ranges of pages that the device-writable descriptors name: those that are whole pages of guest memory.
    pub(super) fn free_ranges(&mut self, queue: u16, elements: &[Element]) -> Vec<Range<u64>> {
        let mut ranges = Vec::new();
        for element in elements.iter().filter(|element| element.writable) {
            let (address, bytes) = (element.address, element.length);
            match self.page_range(address, bytes) {
                Some(range) => ranges.push(range),
                None => self.violation(FreePageViolation::Range { queue, address, bytes }),
            }
        }
        ranges
    }

    fn page_range(&self, address: u64, bytes: u32) -> Option<Range<u64>> {
        let bytes = u64::from(bytes);
        let whole = bytes > 0 && bytes.is_multiple_of(PAGE_BYTES) && address.is_multiple_of(PAGE_BYTES);
        let physical = self.bus.physical(address, bytes).filter(|_| whole)?;
        let first = physical / PAGE_BYTES;
        Some(first..first + bytes / PAGE_BYTES)
    }

    /// The pages of `ranges` that can be free, in runs, and what is wrong with the others. `enter` says whether a page is
    /// a new one.
    pub(super) fn really_free(
        &mut self,
        queue: u16,
        ranges: &[Range<u64>],
        mut enter: impl FnMut(&mut Self, u64) -> bool,
    ) -> Vec<Range<u64>> {
        let in_use = self.pages_in_use();
        let mut runs = Vec::new();
        for page in ranges.iter().cloned().flatten() {
            if self.pages.contains(page) {
                self.violation(FreePageViolation::InBalloon { queue, page });
            } else if in_use.iter().any(|used| used.contains(&page)) {
                self.violation(FreePageViolation::InUse { queue, page });
            } else if !enter(self, page) {
                self.violation(FreePageViolation::Twice { queue, page });
            } else {
                append(&mut runs, page);
            }
        }
        runs
    }

    /// The pages with rings, with buffers that are in flight, and what else the kernel keeps for them.
    fn pages_in_use(&self) -> Vec<Range<u64>> {
        let rings = self.queues.values().flat_map(|slot| slot.parts());
        let readable = self.requests.iter().flat_map(|request| &request.elements).filter(|one| !one.writable);
        let buffers = readable.map(|one| (one.address, u64::from(one.length)));
        let pages = rings.chain(buffers).filter_map(|(address, bytes)| {
            let start = self.bus.locate(address, bytes)?;
            Some(start / PAGE_BYTES..(start + bytes).div_ceil(PAGE_BYTES))
        });
        pages.chain(self.device_memory.iter().cloned()).collect()
    }

    /// The pages that do not hold the poison value throughout, where the driver has to see to that.
    pub(super) fn unpoisoned(&self, runs: &[Range<u64>]) -> Vec<u64> {
        let Some(value) = self.poison().filter(|_| self.options.work == Work::Full) else { return Vec::new() };
        let pages = runs.iter().cloned().flatten();
        pages.filter(|page| !self.memory.is_filled_with(*page, value)).collect()
    }
}
