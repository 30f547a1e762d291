//! The inflate and deflate queues: section 5.5.6.

use std::ops::Range;

use virtio_queue::desc::split::Descriptor;
use vm_memory::Bytes;

use super::{State, Work};
use crate::log::Event;
use crate::violation::Violation;

/// The entries that every deployed device takes in one array.
const ENTRIES: u64 = 256;
/// The entries of an overlong array that this device still looks at.
const LOOKED_AT: u64 = 65_536;

/// The pages that are in the balloon: one bit for each page of guest memory.
#[derive(Clone, Debug)]
pub(crate) struct PageSet {
    inside: Range<u64>,
    words: Vec<u64>,
    count: usize,
}

impl PageSet {
    pub(super) fn new(inside: Range<u64>) -> Self {
        let words = vec![0; inside.clone().count().div_ceil(64)];
        Self { inside, words, count: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        self.count = 0;
    }

    fn place(&self, page: u32) -> Option<(usize, u64)> {
        let page = u64::from(page);
        let index = self.inside.contains(&page).then(|| page - self.inside.start)?;
        Some(((index / 64) as usize, 1 << (index % 64)))
    }

    pub(crate) fn contains(&self, page: u32) -> bool {
        self.place(page).is_some_and(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Puts a page in. Whether it was outside before.
    fn insert(&mut self, page: u32) -> bool {
        let Some((word, bit)) = self.place(page) else { return false };
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += usize::from(new);
        new
    }

    /// Takes a page out. Whether it was inside before.
    fn remove(&mut self, page: u32) -> bool {
        let Some((word, bit)) = self.place(page) else { return false };
        let old = self.words[word] & bit != 0;
        self.words[word] &= !bit;
        self.count -= usize::from(old);
        old
    }

    /// The pages in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let numbered =
            (self.inside.start..).zip(self.words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1)));
        numbered.filter(|(_, bit)| *bit == 1).filter_map(|(page, _)| u32::try_from(page).ok())
    }
}

impl State {
    /// The page numbers in the buffer, and what is wrong with it.
    pub(super) fn read_array(&mut self, queue: u16, head: u16, descriptors: &[Descriptor]) -> Vec<u32> {
        if self.options.work == Work::Acknowledge {
            return Vec::new();
        }
        if descriptors.len() != 1 {
            self.violation(Violation::ChainedArray { queue, head, descriptors: descriptors.len() });
        }
        if descriptors.iter().any(Descriptor::is_write_only) {
            self.violation(Violation::WritableArray { queue, head });
        }
        let bytes: u64 = descriptors.iter().map(|descriptor| u64::from(descriptor.len())).sum();
        let entries = bytes / 4;
        if !bytes.is_multiple_of(4) || bytes == 0 {
            self.violation(Violation::ArrayLength { queue, head, bytes });
        }
        if entries > ENTRIES {
            self.violation(Violation::TooManyPfns { queue, head, entries });
        }
        let mut content = Vec::new();
        for descriptor in descriptors.iter().filter(|descriptor| !descriptor.is_write_only()) {
            let left = (4 * LOOKED_AT).saturating_sub(content.len() as u64);
            let mut part = vec![0; u64::from(descriptor.len()).min(left) as usize];
            if self.memory.bus().read_slice(&mut part, descriptor.addr()).is_err() {
                self.violation(Violation::BrokenChain { queue, head });
                return Vec::new();
            }
            content.append(&mut part);
        }
        content.as_chunks().0.iter().map(|entry| u32::from_le_bytes(*entry)).collect()
    }

    /// Takes pages into the balloon, and their memory away from the guest.
    pub(super) fn inflate(&mut self, pfns: &[u32]) {
        if self.options.work == Work::Acknowledge {
            return;
        }
        let mut runs: Vec<Range<u64>> = Vec::new();
        for &pfn in pfns {
            if !self.is_guest_page(pfn) {
                self.violation(Violation::PageOutsideMemory { pfn });
            } else if !self.pages.insert(pfn) {
                self.violation(Violation::InflatedTwice { pfn });
            } else {
                // Neighbours go back to the host in one go.
                let page = u64::from(pfn);
                match runs.last_mut() {
                    Some(run) if run.end == page => run.end += 1,
                    Some(run) if run.start == page + 1 => run.start = page,
                    _ => runs.push(page..page + 1),
                }
            }
        }
        if matches!(self.options.work, Work::Full | Work::Release) {
            for run in runs {
                if let Err(error) = self.memory.release(run.clone()) {
                    log::error!("the host did not take pages {run:?} back: {error}");
                }
            }
        }
        self.log(Event::Inflated { pfns: pfns.to_vec() });
    }

    /// Lets pages out of the balloon. Their memory comes back when it is touched.
    pub(super) fn deflate(&mut self, pfns: &[u32]) {
        if self.options.work == Work::Acknowledge {
            return;
        }
        for &pfn in pfns {
            if !self.is_guest_page(pfn) {
                self.violation(Violation::PageOutsideMemory { pfn });
            } else if !self.pages.remove(pfn) {
                self.violation(Violation::DeflatedOutside { pfn });
            } else if self.options.work == Work::Full && self.memory.is_resident(pfn.into()) {
                self.violation(Violation::TouchedInBalloon { pfn });
            }
        }
        self.log(Event::Deflated { pfns: pfns.to_vec() });
    }

    fn is_guest_page(&self, pfn: u32) -> bool {
        self.memory.pages().contains(&pfn.into())
    }
}
