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
    /// Words of a part, as a power of two.
    part: u32,
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

/// A place in the book from which its runs are found one after the other, without a search for each. What is struck out
/// meanwhile must have been passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// Number of the word.
    word: usize,
    /// Those bits of the word that were not passed yet.
    bits: u64,
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
                let part = needed.div_ceil(SUMMARY * BITS as usize).next_power_of_two().ilog2();
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
    #[inline]
    pub(crate) fn insert(&mut self, run: Run) -> Result<(), Refusal> {
        let bits = self.bits(run).ok_or(Refusal::OutsideSpan)?;
        match piece(&bits) {
            Some((word, mask)) if self.word(word) & mask == 0 => self.set(word, mask),
            None if self.is_free(&bits) => self.set_all(bits),
            _ => return Err(Refusal::Twice),
        }
        self.count += u64::from(run.count);
        Ok(())
    }

    #[inline(never)]
    fn is_free(&self, bits: &Range<u64>) -> bool {
        pieces(bits.clone()).all(|(word, mask)| self.word(word) & mask == 0)
    }

    #[inline(never)]
    fn set_all(&mut self, bits: Range<u64>) {
        pieces(bits).for_each(|(word, mask)| self.set(word, mask));
    }

    /// Strikes out a run that was found.
    #[inline]
    pub(crate) fn remove(&mut self, run: Run) {
        let Some(bits) = self.bits(run) else { return };
        match piece(&bits) {
            Some((word, mask)) => self.clear(word, mask),
            None => pieces(bits).for_each(|(word, mask)| self.clear(word, mask)),
        }
        self.count = self.count.saturating_sub(run.count.into());
    }

    /// The first run in the book at or behind frame `from`, cut to `most` frames. `None` when there is none, or `most`
    /// is 0.
    pub(crate) fn next(&mut self, from: u64, most: u32) -> Option<Run> {
        let mut walk = self.walk(from);
        self.step(&mut walk, most)
    }

    /// A walk that starts at frame `from`.
    pub(crate) fn walk(&self, from: u64) -> Walk {
        self.walk_at(from.saturating_sub(self.base))
    }

    fn walk_at(&self, bit: u64) -> Walk {
        let word = usize::try_from(bit / BITS).unwrap_or(usize::MAX);
        Walk { word, bits: self.word(word) & u64::MAX << (bit % BITS) }
    }

    /// Goes past the next run of the walk, cut to `most` frames, and returns it. `None` when there is none, or `most` is 0.
    #[inline]
    pub(crate) fn step(&mut self, walk: &mut Walk, most: u32) -> Option<Run> {
        if walk.bits == 0 {
            *walk = self.search(walk.word.checked_add(1)?)?;
        }
        let bit = walk.bits.trailing_zeros();
        let ones = (walk.bits >> bit).trailing_ones();
        let start = walk.word as u64 * BITS + u64::from(bit);
        if bit + ones < u64::BITS && ones <= most {
            // The carry runs through the ones and clears them.
            walk.bits &= walk.bits.wrapping_add(1 << bit);
            return Some(Run { first: self.base + start, count: ones });
        }
        let end = self.end(start, most);
        *walk = self.walk_at(end);
        // At most `most`.
        let count = (end - start) as u32;
        (count > 0).then_some(Run { first: self.base + start, count })
    }

    /// Where the run ends that starts with bit `start`, cut to `most` bits.
    #[inline(never)]
    fn end(&self, start: u64, most: u32) -> u64 {
        let limit = start.saturating_add(most.into());
        let mut end = start;
        while end < limit {
            let bit = end % BITS;
            let ones = u64::from((self.word((end / BITS) as usize) >> bit).trailing_ones());
            end += ones;
            if bit + ones < BITS {
                break;
            }
        }
        end.min(limit)
    }

    /// The first word from `word` on that has a bit.
    #[inline(never)]
    fn search(&mut self, mut word: usize) -> Option<Walk> {
        let words = usize::try_from(self.frames.div_ceil(BITS)).ok()?;
        while word < words {
            let part = word >> self.part;
            let end = words.min((part + 1) << self.part);
            if self.summary.get(part / 64).is_some_and(|summary| summary >> (part % 64) & 1 == 0) {
                word = end;
                continue;
            }
            let whole = word == part << self.part;
            while word < end {
                let bits = self.word(word);
                if bits != 0 {
                    return Some(Walk { word, bits });
                }
                word += 1;
            }
            if whole && let Some(summary) = self.summary.get_mut(part / 64) {
                *summary &= !(1 << (part % 64));
            }
        }
        None
    }

    /// Sets bits of a word.
    #[inline]
    fn set(&mut self, word: usize, mask: u64) {
        let Some(bits) = self.words.get_mut(word) else { return };
        let was = *bits;
        *bits = was | mask;
        if was == 0 {
            let part = word >> self.part;
            if let Some(summary) = self.summary.get_mut(part / 64) {
                *summary |= 1 << (part % 64);
            }
        }
    }

    /// Clears bits of a word.
    #[inline]
    fn clear(&mut self, word: usize, mask: u64) {
        if let Some(bits) = self.words.get_mut(word) {
            *bits &= !mask;
        }
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

/// Number of the word and mask of the bits in it, where a range of bits lies in one word: a single frame always does.
#[inline]
fn piece(bits: &Range<u64>) -> Option<(usize, u64)> {
    let (bit, ones) = (bits.start % BITS, bits.end - bits.start);
    // From 1 to what is left of the word.
    let fits = ones.wrapping_sub(1) < BITS - bit;
    fits.then(|| ((bits.start / BITS) as usize, (u64::MAX >> (BITS - ones)) << bit))
}

/// Cuts a range of bits at the boundaries of words, see [`piece`].
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
