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

/// A place in the book from which its frames are found in order, without a search for each. What is struck out
/// meanwhile must have been passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// Number of the word.
    word: usize,
    /// Those bits of the word that were not passed yet.
    bits: u64,
}

/// Frames that one word of the book stands for, at least one of them: what is done for all of them is done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    word: usize,
    bits: u64,
    /// How many bits are set.
    count: u32,
    /// Number of the frame that bit 0 stands for.
    base: u64,
}

impl Piece {
    pub(crate) const fn count(self) -> u32 {
        self.count
    }

    /// The first of the frames.
    pub(crate) const fn first(self) -> u64 {
        self.base + self.bits.trailing_zeros() as u64
    }

    /// The number behind the last of the frames.
    pub(crate) const fn end(self) -> u64 {
        self.base + (BITS - self.bits.leading_zeros() as u64)
    }

    /// The frames as a run, if they are one.
    pub(crate) fn run(self) -> Option<Run> {
        let Self { count, base, .. } = self;
        let bit = self.bits.trailing_zeros();
        let is_run = (self.bits >> bit).trailing_ones() == count;
        is_run.then(|| Run { first: base + u64::from(bit), count })
    }

    /// The frames one by one, in order.
    #[inline]
    pub(crate) fn frames(self) -> impl Iterator<Item = u64> {
        let mut bits = self.bits;
        core::iter::from_fn(move || {
            let bit = bits.trailing_zeros();
            (bits != 0).then(|| {
                bits &= bits - 1;
                self.base + u64::from(bit)
            })
        })
    }

    /// The runs of the frames, in order.
    #[inline]
    pub(crate) fn runs(self) -> impl Iterator<Item = Run> {
        let mut bits = self.bits;
        core::iter::from_fn(move || {
            let bit = bits.trailing_zeros();
            (bits != 0).then(|| {
                let count = (bits >> bit).trailing_ones();
                // The carry runs through the ones and clears them.
                bits &= bits.wrapping_add(1 << bit);
                Run { first: self.base + u64::from(bit), count }
            })
        })
    }
}

/// Runs in order, of which neighbours become one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Joined(Option<Run>);

impl Joined {
    /// Adds a run, and returns what the runs before it have become if it is not their neighbour.
    #[inline]
    pub(crate) fn join(&mut self, run: Run) -> Option<Run> {
        if let Some(last) = &mut self.0
            && last.first + u64::from(last.count) == run.first
            && let Some(count) = last.count.checked_add(run.count)
        {
            last.count = count;
            return None;
        }
        self.0.replace(run)
    }

    /// What the last runs have become.
    pub(crate) const fn rest(self) -> Option<Run> {
        self.0
    }

    fn count(&self) -> u32 {
        self.0.map_or(0, |run| run.count)
    }
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
        if bits.end - bits.start == 1 {
            self.enter(bits.start)?;
        } else {
            self.enter_all(&bits)?;
        }
        self.count += u64::from(run.count);
        Ok(())
    }

    /// Sets a bit.
    #[inline]
    fn enter(&mut self, bit: u64) -> Result<(), Refusal> {
        let (word, mask) = ((bit / BITS) as usize, 1 << (bit % BITS));
        let Some(bits) = self.words.get_mut(word) else { return Err(Refusal::OutsideSpan) };
        let was = *bits;
        *bits = was | mask;
        if was == 0 {
            self.note(word >> self.part);
        }
        if was & mask == 0 { Ok(()) } else { Err(Refusal::Twice) }
    }

    /// Sets bits: all of them, or none.
    #[inline(never)]
    fn enter_all(&mut self, bits: &Range<u64>) -> Result<(), Refusal> {
        let Some(last) = bits.end.checked_sub(1) else { return Ok(()) };
        let (from, to) = ((bits.start / BITS) as usize, (last / BITS) as usize);
        let (head, tail) = (u64::MAX << (bits.start % BITS), u64::MAX >> (BITS - 1 - last % BITS));
        let words = self.words.get_mut(from..=to).unwrap_or_default();
        let is_free = match words {
            [] => true,
            [only] => *only & head & tail == 0,
            [first, whole @ .., last] => *first & head == 0 && *last & tail == 0 && whole.iter().all(|word| *word == 0),
        };
        if !is_free {
            return Err(Refusal::Twice);
        }
        match words {
            [] => {}
            [only] => *only |= head & tail,
            [first, whole @ .., last] => {
                *first |= head;
                whole.fill(u64::MAX);
                *last |= tail;
            }
        }
        (from >> self.part..=to >> self.part).for_each(|part| self.note(part));
        Ok(())
    }

    /// Strikes out a run that was entered.
    pub(crate) fn remove(&mut self, run: Run) {
        let (mut walk, mut left) = (self.walk(run.first), run.count);
        while left > 0
            && let Some(piece) = self.step(&mut walk, left)
        {
            self.strike(piece);
            left -= piece.count();
        }
    }

    /// Strikes out frames that were found.
    #[inline]
    pub(crate) fn strike(&mut self, piece: Piece) {
        if let Some(bits) = self.words.get_mut(piece.word) {
            *bits &= !piece.bits;
        }
        self.count = self.count.saturating_sub(piece.count().into());
    }

    /// A walk that starts at frame `from`.
    pub(crate) fn walk(&self, from: u64) -> Walk {
        let bit = from.saturating_sub(self.base);
        let word = usize::try_from(bit / BITS).unwrap_or(usize::MAX);
        Walk { word, bits: self.word(word) & u64::MAX << (bit % BITS) }
    }

    /// Goes past the next frames of the walk, at most `most`, and returns them. `None` when there are none, or `most` is 0.
    #[inline]
    pub(crate) fn step(&mut self, walk: &mut Walk, most: u32) -> Option<Piece> {
        if walk.bits == 0 {
            let word = walk.word.checked_add(1)?;
            // Mostly the next word has some.
            *walk = Walk { word, bits: self.word(word) };
            if walk.bits == 0 {
                *walk = self.search(word)?;
            }
        }
        let Walk { word, mut bits } = *walk;
        let mut count = ones(bits);
        if count > most {
            bits ^= behind(bits, most);
            count = most;
        }
        walk.bits ^= bits;
        (count > 0).then_some(Piece { word, bits, count, base: self.base + word as u64 * BITS })
    }

    /// The first run in the book at or behind frame `from`, cut to `most` frames. `None` when there is none, or `most`
    /// is 0.
    pub(crate) fn next(&mut self, from: u64, most: u32) -> Option<Run> {
        let mut walk = self.walk(from);
        let mut found = Joined::default();
        while found.count() < most
            && let Some(piece) = self.step(&mut walk, most - found.count())
        {
            if let Some(whole) = piece.runs().find_map(|run| found.join(run)) {
                return Some(whole);
            }
        }
        found.rest()
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

    /// Notes that words of a part have bits.
    #[inline]
    fn note(&mut self, part: usize) {
        if let Some(summary) = self.summary.get_mut(part / 64) {
            *summary |= 1 << (part % 64);
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

/// How many ones a word has, at once where they stand together: not every CPU can count others.
#[inline]
fn ones(bits: u64) -> u32 {
    let together = bits >> bits.trailing_zeros().min(u64::BITS - 1);
    if together & together.wrapping_add(1) == 0 { together.trailing_ones() } else { bits.count_ones() }
}

/// The ones of a word behind its first `most`.
fn behind(mut bits: u64, most: u32) -> u64 {
    for _ in 0..most {
        bits &= bits.wrapping_sub(1);
    }
    bits
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
