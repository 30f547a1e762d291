//! The inflate and deflate queues (5.5.6).

use std::ops::Range;

use super::super::options::Work;
use super::super::page_set::push_page;
use super::super::state::{NewBuffer, State};
use crate::event::Event;
use crate::violation::PageViolation;

/// Maximum number of entries of an array that all deployed devices accept.
pub(crate) const MAX_ENTRIES: u64 = 256;
/// Maximum number of entries that this device reads of a longer array.
const MAX_READ: u64 = 65_536;

impl State {
    /// Reads the page numbers of an array, and checks its form.
    pub(crate) fn read_array(&mut self, buffer: NewBuffer<'_>) -> Vec<u32> {
        let NewBuffer { queue, head, elements, .. } = buffer;
        if elements.len() != 1 {
            self.violation(PageViolation::ChainedArray { queue, head, descriptors: elements.len() });
        }
        if buffer.has_writable() {
            self.violation(PageViolation::WritableArray { queue, head });
        }
        let bytes = buffer.bytes();
        let entries = bytes / 4;
        if !bytes.is_multiple_of(4) || bytes == 0 {
            self.violation(PageViolation::ArrayLength { queue, head, bytes });
        }
        if entries > MAX_ENTRIES {
            self.violation(PageViolation::ArrayTooLong { queue, head, entries });
        }
        let Some(content) = self.read_buffer(buffer, 4 * MAX_READ) else { return Vec::new() };
        content.as_chunks().0.iter().map(|entry| self.bus.order().u32(*entry)).collect()
    }

    /// Adds pages to the balloon and discards their memory.
    pub(crate) fn inflate(&mut self, pfns: &[u32]) {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for &pfn in pfns {
            if !self.is_guest_page(pfn) {
                self.violation(PageViolation::OutsideMemory { pfn });
            } else if !self.pages.insert(pfn) {
                self.violation(PageViolation::InflatedTwice { pfn });
            } else {
                self.held.remove(pfn.into());
                push_page(&mut runs, pfn.into());
            }
        }
        self.discard(&runs);
        self.log(Event::Inflated { pfns: pfns.to_vec() });
    }

    /// Removes pages from the balloon. The host backs them again on the next access.
    pub(crate) fn deflate(&mut self, pfns: &[u32]) {
        for &pfn in pfns {
            if !self.is_guest_page(pfn) {
                self.violation(PageViolation::OutsideMemory { pfn });
            } else if !self.pages.remove(pfn) && !self.held.remove(pfn.into()) {
                self.violation(PageViolation::NotInBalloon { pfn });
            } else {
                self.deflated.insert(pfn);
                if self.options.work == Work::Full && self.memory.is_resident(pfn.into()) {
                    self.violation(PageViolation::Touched { pfn });
                }
            }
        }
        self.log(Event::Deflated { pfns: pfns.to_vec() });
    }

    /// Returns the memory of these pages to the host, if that is part of the device's [`Work`].
    pub(crate) fn discard(&self, runs: &[Range<u64>]) {
        if !matches!(self.options.work, Work::Full | Work::Release) {
            return;
        }
        for run in runs {
            if let Err(error) = self.memory.release(run.clone()) {
                log::error!("failed to discard pages {run:?}: {error}");
            }
        }
    }

    /// Records that the driver returns pages to the kernel. Returns the poison value if the driver has to have filled them
    /// with it: PAGE_POISON is negotiated and the pages were in the balloon.
    pub(crate) fn return_to_kernel(&mut self, pages: Range<u64>) -> Option<u32> {
        self.release_held(pages.clone());
        let mut was_ballooned = false;
        for page in pages {
            was_ballooned |= self.deflated.remove(page) || self.pages.contains(page);
        }
        self.poison().filter(|_| was_ballooned && self.options.work == Work::Full)
    }

    fn is_guest_page(&self, pfn: u32) -> bool {
        self.memory.pages().contains(&pfn.into())
    }
}
