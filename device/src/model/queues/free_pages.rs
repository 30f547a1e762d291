//! What reports and hints have in common: ranges of free pages.

use std::ops::Range;

use super::super::options::Work;
use super::super::page_set::push_page;
use super::super::ring::Element;
use super::super::state::State;
use crate::memory::PAGE_BYTES;
use crate::violation::FreePageViolation;

impl State {
    /// Returns the page ranges of the device-writable descriptors, without those that are not whole pages of guest
    /// memory.
    pub(crate) fn read_ranges(&mut self, queue: u16, elements: &[Element]) -> Vec<Range<u64>> {
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
        let physical = self.bus.access(address, bytes).filter(|_| whole)?;
        let first = physical / PAGE_BYTES;
        Some(first..first + bytes / PAGE_BYTES)
    }

    /// Returns the pages of `ranges` that can be free, in runs, and records a violation for each other page. `insert`
    /// records a page and returns whether it was not recorded before.
    pub(crate) fn check_free(
        &mut self,
        queue: u16,
        ranges: &[Range<u64>],
        mut insert: impl FnMut(&mut Self, u64) -> bool,
    ) -> Vec<Range<u64>> {
        let in_use = self.pages_in_use();
        let mut runs = Vec::new();
        for page in ranges.iter().cloned().flatten() {
            if self.pages.contains(page) {
                self.violation(FreePageViolation::InBalloon { queue, page });
            } else if in_use.iter().any(|used| used.contains(&page)) {
                self.violation(FreePageViolation::InUse { queue, page });
            } else if !insert(self, page) {
                self.violation(FreePageViolation::Twice { queue, page });
            } else {
                push_page(&mut runs, page);
            }
        }
        runs
    }

    /// Returns the pages with rings and with buffers in flight, and those that the kernel reserves for them.
    fn pages_in_use(&self) -> Vec<Range<u64>> {
        let rings = self.queues.values().flat_map(|queue| queue.areas());
        let readable = self.requests.iter().flat_map(|request| &request.elements).filter(|one| !one.writable);
        let buffers = readable.map(|one| (one.address, u64::from(one.length)));
        let pages = rings.chain(buffers).filter_map(|(address, bytes)| {
            let start = self.bus.translate(address, bytes)?;
            Some(start / PAGE_BYTES..(start + bytes).div_ceil(PAGE_BYTES))
        });
        pages.chain(self.reserved.iter().cloned()).collect()
    }

    /// Returns the pages that are not filled with the poison value, if the driver has to fill them.
    pub(crate) fn unpoisoned(&self, runs: &[Range<u64>]) -> Vec<u64> {
        let Some(value) = self.poison().filter(|_| self.options.work == Work::Full) else { return Vec::new() };
        let pages = runs.iter().cloned().flatten();
        pages.filter(|page| !self.memory.is_filled_with(*page, value)).collect()
    }
}
