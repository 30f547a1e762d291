//! A set of pages.

use std::ops::Range;

/// Pages of guest memory: one bit for each.
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
        // A set for terabytes that was never used is not even in memory.
        if self.count > 0 {
            self.words.fill(0);
            self.count = 0;
        }
    }

    fn place(&self, page: u64) -> Option<(usize, u64)> {
        let index = self.inside.contains(&page).then(|| page - self.inside.start)?;
        Some(((index / 64) as usize, 1 << (index % 64)))
    }

    pub(crate) fn contains(&self, page: impl Into<u64>) -> bool {
        self.place(page.into()).is_some_and(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Puts a page in. Whether it was outside before.
    pub(super) fn insert(&mut self, page: impl Into<u64>) -> bool {
        let Some((word, bit)) = self.place(page.into()) else { return false };
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += usize::from(new);
        new
    }

    /// Takes a page out. Whether it was inside before.
    pub(super) fn remove(&mut self, page: impl Into<u64>) -> bool {
        let Some((word, bit)) = self.place(page.into()) else { return false };
        let old = self.words[word] & bit != 0;
        self.words[word] &= !bit;
        self.count -= usize::from(old);
        old
    }

    /// The pages in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let numbered =
            (self.inside.start..).zip(self.words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1)));
        numbered.filter(|(_, bit)| *bit == 1).map(|(page, _)| page)
    }
}
