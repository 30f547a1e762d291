//! Sets and runs of pages.

use std::ops::Range;

/// A set of pages of guest memory: one bit for each page.
#[derive(Clone, Debug)]
pub(crate) struct PageSet {
    /// The page numbers that the set can contain.
    range: Range<u64>,
    words: Vec<u64>,
    count: usize,
}

impl PageSet {
    pub(crate) fn new(range: Range<u64>) -> Self {
        let words = vec![0; range.clone().count().div_ceil(64)];
        Self { range, words, count: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn clear(&mut self) {
        // The words of an empty set may never have been touched: writing to them would make them resident.
        if self.count > 0 {
            self.words.fill(0);
            self.count = 0;
        }
    }

    fn position(&self, page: u64) -> Option<(usize, u64)> {
        let index = self.range.contains(&page).then(|| page - self.range.start)?;
        Some(((index / 64) as usize, 1 << (index % 64)))
    }

    pub(crate) fn contains(&self, page: impl Into<u64>) -> bool {
        self.position(page.into()).is_some_and(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Adds a page. Returns whether the set did not contain it.
    pub(crate) fn insert(&mut self, page: impl Into<u64>) -> bool {
        let Some((word, bit)) = self.position(page.into()) else { return false };
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += usize::from(new);
        new
    }

    /// Removes a page. Returns whether the set contained it.
    pub(crate) fn remove(&mut self, page: impl Into<u64>) -> bool {
        let Some((word, bit)) = self.position(page.into()) else { return false };
        let old = self.words[word] & bit != 0;
        self.words[word] &= !bit;
        self.count -= usize::from(old);
        old
    }

    /// Returns the pages in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let bits = self.words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1));
        (self.range.start..).zip(bits).filter(|(_, bit)| *bit == 1).map(|(page, _)| page)
    }
}

/// Appends a page to a list of runs, and merges it with the last run if they are adjacent.
pub(crate) fn push_page(runs: &mut Vec<Range<u64>>, page: u64) {
    match runs.last_mut() {
        Some(run) if run.end == page => run.end += 1,
        Some(run) if run.start == page + 1 => run.start = page,
        _ => runs.push(page..page + 1),
    }
}
