//! The book of ballooned frames: one bit for each frame of the kernel, and a summary of constant size.
//!
//! Ballooned frames themselves are never touched, because the host may have dropped their contents.

use core::ops::Range;

/// Bits in a word.
const BITS: u64 = u64::BITS as u64;
/// Words of the summary.
const SUMMARY: usize = 32;

/// Which frames of a span are in the balloon.
#[derive(Debug)]
pub(crate) struct Tracker {
    words: &'static mut [u64],
    /// Number of the frame that bit 0 stands for.
    base: u64,
    /// Frames of the span.
    frames: u64,
    /// How many bits are set.
    count: u64,
    /// For each of the parts into which the words are divided, whether it may have bits that are set.
    summary: [u64; SUMMARY],
    /// Words of a part.
    part: usize,
}

/// Why a run cannot be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A frame of the run is outside the span.
    OutsideSpan,
    /// A frame of the run is in the book already.
    Twice,
}

/// Frames that stand next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) count: u32,
}

impl Tracker {
    /// The words that a span takes; `None` where an address space has no room for them.
    pub(crate) fn words(span: &Range<u64>) -> Option<usize> {
        usize::try_from(span.end.saturating_sub(span.start).div_ceil(BITS)).ok()
    }

    /// An empty book in these words; they are handed back when there are too few.
    pub(crate) fn new(words: &'static mut [u64], span: &Range<u64>) -> Result<Self, &'static mut [u64]> {
        match Self::words(span) {
            Some(needed) if needed <= words.len() => {
                words.fill(0);
                let frames = span.end.saturating_sub(span.start);
                let part = needed.div_ceil(SUMMARY * 64).max(1);
                Ok(Self { words, base: span.start, frames, count: 0, summary: [0; SUMMARY], part })
            }
            _ => Err(words),
        }
    }

    pub(crate) fn into_words(self) -> &'static mut [u64] {
        self.words
    }

    /// Frames in the book.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Enters a run: all of it, or nothing.
    pub(crate) fn insert(&mut self, run: Run) -> Result<(), Refusal> {
        let bits = self.bits(run).ok_or(Refusal::OutsideSpan)?;
        if pieces(bits.clone()).any(|(word, mask)| self.word(word) & mask != 0) {
            return Err(Refusal::Twice);
        }
        for (word, mask) in pieces(bits) {
            if let Some(bits) = self.words.get_mut(word) {
                *bits |= mask;
            }
            let part = word / self.part;
            if let Some(summary) = self.summary.get_mut(part / 64) {
                *summary |= 1 << (part % 64);
            }
        }
        self.count += u64::from(run.count);
        Ok(())
    }

    /// Strikes out a run that [`Tracker::next`] has found.
    pub(crate) fn remove(&mut self, run: Run) {
        for (word, mask) in self.bits(run).into_iter().flat_map(pieces) {
            if let Some(bits) = self.words.get_mut(word) {
                self.count = self.count.saturating_sub((*bits & mask).count_ones().into());
                *bits &= !mask;
            }
        }
    }

    /// The first run in the book at or behind frame `from`, cut to `most` frames. `None` when there is none, or `most`
    /// is 0.
    pub(crate) fn next(&mut self, from: u64, most: u32) -> Option<Run> {
        let start = self.next_set(from.saturating_sub(self.base))?;
        let mut end = start;
        let limit = self.frames.min(start.saturating_add(most.into()));
        while end < limit {
            let ones = (self.word((end / BITS) as usize) >> (end % BITS)).trailing_ones();
            if ones == 0 {
                break;
            }
            end += u64::from(ones);
        }
        let count = u32::try_from(end.min(limit) - start).ok()?;
        (count > 0).then_some(Run { first: self.base + start, count })
    }

    /// The first bit at or behind `from` that is set.
    fn next_set(&mut self, from: u64) -> Option<u64> {
        let mut word = usize::try_from(from / BITS).ok()?;
        let mut mask = u64::MAX << (from % BITS);
        let words = usize::try_from(self.frames.div_ceil(BITS)).ok()?;
        while word < words {
            let part = word / self.part;
            let end = words.min((part + 1) * self.part);
            if self.summary.get(part / 64).is_some_and(|summary| summary >> (part % 64) & 1 == 0) {
                word = end;
                mask = u64::MAX;
                continue;
            }
            let whole = word == part * self.part && mask == u64::MAX;
            while word < end {
                let bits = self.word(word) & mask;
                if bits != 0 {
                    return Some(word as u64 * BITS + u64::from(bits.trailing_zeros()));
                }
                word += 1;
                mask = u64::MAX;
            }
            if whole && let Some(summary) = self.summary.get_mut(part / 64) {
                *summary &= !(1 << (part % 64));
            }
        }
        None
    }

    fn word(&self, word: usize) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }

    /// The bits that stand for a run, where it is inside the span.
    fn bits(&self, run: Run) -> Option<Range<u64>> {
        let start = run.first.checked_sub(self.base)?;
        let end = start.checked_add(run.count.into())?;
        (end <= self.frames).then_some(start..end)
    }
}

/// Cuts a range of bits at the boundaries of words: number of the word, and mask of the bits in it.
fn pieces(bits: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    let Range { mut start, end } = bits;
    core::iter::from_fn(move || {
        if start >= end {
            return None;
        }
        let stop = end.min((start / BITS + 1) * BITS);
        let ones = stop - start;
        let mask = (u64::MAX >> (BITS - ones)) << (start % BITS);
        let word = (start / BITS) as usize;
        start = stop;
        Some((word, mask))
    })
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
