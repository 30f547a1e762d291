//! The inflate and deflate queues: section 5.5.6.

use std::ops::Range;

use super::ring::Element;
use super::{State, Work};
use crate::log::Event;
use crate::violation::Violation;

/// The entries that every deployed device takes in one array.
const ENTRIES: u64 = 256;
/// The entries of an overlong array that this device still looks at.
const LOOKED_AT: u64 = 65_536;

impl State {
    /// The page numbers in the buffer, and what is wrong with it.
    pub(super) fn read_array(&mut self, queue: u16, head: u16, elements: &[Element]) -> Vec<u32> {
        if elements.len() != 1 {
            self.violation(Violation::ChainedArray { queue, head, descriptors: elements.len() });
        }
        if elements.iter().any(|element| element.writable) {
            self.violation(Violation::WritableArray { queue, head });
        }
        let bytes: u64 = elements.iter().map(|element| u64::from(element.length)).sum();
        let entries = bytes / 4;
        if !bytes.is_multiple_of(4) || bytes == 0 {
            self.violation(Violation::ArrayLength { queue, head, bytes });
        }
        if entries > ENTRIES {
            self.violation(Violation::TooManyPfns { queue, head, entries });
        }
        let Some(content) = self.readable_bytes(elements, 4 * LOOKED_AT) else {
            self.violation(Violation::BrokenChain { queue, head });
            return Vec::new();
        };
        content.as_chunks().0.iter().map(|entry| self.bus.order().u32(*entry)).collect()
    }

    /// Takes pages into the balloon, and their memory away from the guest.
    pub(super) fn inflate(&mut self, pfns: &[u32]) {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for &pfn in pfns {
            if !self.is_guest_page(pfn) {
                self.violation(Violation::PageOutsideMemory { pfn });
            } else if !self.pages.insert(pfn) {
                self.violation(Violation::InflatedTwice { pfn });
            } else {
                // Neighbours go back to the host in one go.
                append(&mut runs, pfn.into());
            }
        }
        self.drop_pages(&runs);
        self.log(Event::Inflated { pfns: pfns.to_vec() });
    }

    /// Lets pages out of the balloon. Their memory comes back when it is touched.
    pub(super) fn deflate(&mut self, pfns: &[u32]) {
        for &pfn in pfns {
            if !self.is_guest_page(pfn) {
                self.violation(Violation::PageOutsideMemory { pfn });
            } else if !self.pages.remove(pfn) {
                self.violation(Violation::DeflatedOutside { pfn });
            } else {
                self.departed.insert(pfn);
                if self.options.work == Work::Full && self.memory.is_resident(pfn.into()) {
                    self.violation(Violation::TouchedInBalloon { pfn });
                }
            }
        }
        self.log(Event::Deflated { pfns: pfns.to_vec() });
    }

    /// Gives the memory of these pages back to the host, where that is part of the work.
    pub(super) fn drop_pages(&self, runs: &[Range<u64>]) {
        if !matches!(self.options.work, Work::Full | Work::Release) {
            return;
        }
        for run in runs {
            if let Err(error) = self.memory.release(run.clone()) {
                log::error!("the host did not take pages {run:?} back: {error}");
            }
        }
    }

    /// The kernel gets these pages back. What they have to be filled with: where PAGE_POISON was negotiated and they were
    /// in the balloon.
    pub(crate) fn take_leave(&mut self, pages: Range<u64>) -> Option<u32> {
        let mut was_ballooned = false;
        for page in pages {
            was_ballooned |= self.departed.remove(page) || self.pages.contains(page);
        }
        self.poison().filter(|_| was_ballooned && self.options.work == Work::Full)
    }

    fn is_guest_page(&self, pfn: u32) -> bool {
        self.memory.pages().contains(&pfn.into())
    }
}

/// Adds a page to the last run where it is its neighbour.
pub(super) fn append(runs: &mut Vec<Range<u64>>, page: u64) {
    match runs.last_mut() {
        Some(run) if run.end == page => run.end += 1,
        Some(run) if run.start == page + 1 => run.start = page,
        _ => runs.push(page..page + 1),
    }
}
