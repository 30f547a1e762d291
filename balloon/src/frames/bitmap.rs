//! The bitmap of ballooned frames: one bit for each frame of the kernel, and a summary of constant size.
//!
//! Ballooned frames themselves are never accessed, because the host may have discarded their contents.

use core::ops::Range;

/// Bits in a word.
const BITS: u64 = u64::BITS as u64;
/// Words of the summary.
const SUMMARY: usize = 32;

/// The set of ballooned frames.
#[derive(Debug)]
pub struct FrameBitmap {
    words: &'static mut [u64],
    /// Frame number of bit 0.
    base: u64,
    /// Number of frames in the range.
    frames: u64,
    /// Number of bits that are set.
    count: u64,
    /// One bit for each part of the words: clear only if no bit of the part is set.
    summary: [u64; SUMMARY],
    /// Words in a part, as a power of two.
    part: u32,
}

/// Why the bits of a run cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// A frame of the run is outside the range.
    OutsideRange,
    /// The bit of a frame of the run is already set.
    AlreadySet,
}

/// Consecutive frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Number of the first frame.
    pub first: u64,
    /// Number of frames.
    pub count: u32,
}

/// A position in the bitmap, from which set bits are found in order without a search for each. Only bits behind the
/// position may be cleared while it is in use.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// Index of the word.
    word: usize,
    /// The set bits of the word that the cursor has not passed.
    bits: u64,
}

/// Set bits of one word, at least one. They are handled together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordBits {
    word: usize,
    bits: u64,
    /// Number of bits that are set.
    count: u32,
    /// Frame number of bit 0 of the word.
    base: u64,
}

impl WordBits {
    /// No bits.
    pub(super) const NONE: Self = Self { word: 0, bits: 0, count: 0, base: 0 };

    /// Returns the number of frames.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Returns the number of the first frame.
    pub const fn first(self) -> u64 {
        self.base + self.bits.trailing_zeros() as u64
    }

    /// Returns the number after the last frame.
    pub const fn end(self) -> u64 {
        self.base + (BITS - self.bits.leading_zeros() as u64)
    }

    /// Returns the frames as a run if they are consecutive.
    pub fn run(self) -> Option<Run> {
        let Self { count, base, .. } = self;
        let bit = self.bits.trailing_zeros();
        let is_run = (self.bits >> bit).trailing_ones() == count;
        is_run.then(|| Run { first: base + u64::from(bit), count })
    }

    /// Returns the frames with numbers below `end`, which is above the first one.
    pub fn before(self, end: u64) -> Self {
        let Some(beyond) = self.base.saturating_add(BITS).checked_sub(end).filter(|&beyond| beyond < BITS) else {
            return self;
        };
        let bits = self.bits & u64::MAX >> beyond;
        Self { bits, count: bits.count_ones(), ..self }
    }

    /// Returns the bits of the frames at or after `frame`.
    pub(super) fn at_or_after(self, frame: u64) -> Self {
        let skipped = u32::try_from(frame.saturating_sub(self.base)).unwrap_or(u32::MAX);
        let bits = self.bits & u64::MAX.checked_shl(skipped).unwrap_or(0);
        Self { bits, count: bits.count_ones(), ..self }
    }

    /// Returns the frames one by one, in order.
    #[inline]
    pub fn frames(self) -> impl Iterator<Item = u64> {
        let mut bits = self.bits;
        core::iter::from_fn(move || {
            let bit = bits.trailing_zeros();
            (bits != 0).then(|| {
                bits &= bits - 1;
                self.base + u64::from(bit)
            })
        })
    }

    /// Returns the runs of the frames, in order.
    #[inline]
    pub fn runs(self) -> impl Iterator<Item = Run> {
        let mut bits = self.bits;
        core::iter::from_fn(move || {
            let bit = bits.trailing_zeros();
            (bits != 0).then(|| {
                let count = (bits >> bit).trailing_ones();
                // The carry of the addition clears the run.
                bits &= bits.wrapping_add(1 << bit);
                Run { first: self.base + u64::from(bit), count }
            })
        })
    }
}

/// Frames that are found together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Frames of one word.
    Bits(WordBits),
    /// All frames of consecutive words.
    Words(Run),
}

impl Found {
    /// Returns the number of frames.
    #[inline]
    pub const fn count(self) -> u32 {
        match self {
            Self::Bits(bits) => bits.count(),
            Self::Words(run) => run.count,
        }
    }

    /// Returns the number of the first frame.
    #[inline]
    pub const fn first(self) -> u64 {
        match self {
            Self::Bits(bits) => bits.first(),
            Self::Words(run) => run.first,
        }
    }

    /// Returns the number after the last frame.
    #[inline]
    pub const fn end(self) -> u64 {
        match self {
            Self::Bits(bits) => bits.end(),
            Self::Words(run) => run.first + run.count as u64,
        }
    }
}

/// Merges adjacent runs that arrive in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunMerger(Option<Run>);

impl RunMerger {
    /// Adds a run. Returns the merged runs before it if it is not adjacent to them.
    #[inline]
    pub fn push(&mut self, run: Run) -> Option<Run> {
        if let Some(last) = &mut self.0
            && last.first + u64::from(last.count) == run.first
            && let Some(count) = last.count.checked_add(run.count)
        {
            last.count = count;
            return None;
        }
        self.0.replace(run)
    }

    /// Returns the last merged run.
    pub const fn finish(self) -> Option<Run> {
        self.0
    }

    fn count(&self) -> u32 {
        self.0.map_or(0, |run| run.count)
    }
}

impl FrameBitmap {
    /// Returns the number of words that a range needs, or `None` if an address space cannot hold them.
    pub fn words(range: &Range<u64>) -> Option<usize> {
        usize::try_from(range.end.saturating_sub(range.start).div_ceil(BITS)).ok()
    }

    /// Creates an empty bitmap in `words`. Frames for which there are too few words are outside the range.
    pub fn new(words: &'static mut [u64], range: &Range<u64>) -> Self {
        words.fill(0);
        let frames = range.end.saturating_sub(range.start).min(words.len() as u64 * BITS);
        let needed = frames.div_ceil(BITS) as usize;
        let part = needed.div_ceil(SUMMARY * BITS as usize).next_power_of_two().ilog2();
        Self { words, base: range.start, frames, count: 0, summary: [0; SUMMARY], part }
    }

    /// Returns the range of frames that can be in the set.
    pub const fn range(&self) -> Range<u64> {
        self.base..self.base + self.frames
    }

    /// Returns the number of frames in the set.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Sets the bits of a run: all of them, or none.
    ///
    /// # Errors
    ///
    /// [`SetError`]
    #[inline]
    pub fn set(&mut self, run: Run) -> Result<(), SetError> {
        let bits = self.bits(run).ok_or(SetError::OutsideRange)?;
        if bits.end - bits.start == 1 {
            self.set_one(bits.start)?;
        } else {
            self.set_many(&bits)?;
        }
        self.count += u64::from(run.count);
        Ok(())
    }

    /// Does what [`FrameBitmap::set`] does, and is not inlined.
    #[inline(never)]
    pub(crate) fn set_run(&mut self, run: Run) -> Result<(), SetError> {
        self.set(run)
    }

    #[inline]
    fn set_one(&mut self, bit: u64) -> Result<(), SetError> {
        let (word, mask) = ((bit / BITS) as usize, 1 << (bit % BITS));
        let Some(bits) = self.words.get_mut(word) else { return Err(SetError::OutsideRange) };
        let was = *bits;
        *bits = was | mask;
        if was == 0 {
            self.mark_part(word >> self.part);
        }
        if was & mask == 0 { Ok(()) } else { Err(SetError::AlreadySet) }
    }

    #[inline(never)]
    fn set_many(&mut self, bits: &Range<u64>) -> Result<(), SetError> {
        let Some(last) = bits.end.checked_sub(1) else { return Ok(()) };
        let (from, to) = ((bits.start / BITS) as usize, (last / BITS) as usize);
        let (low, high) = (u64::MAX << (bits.start % BITS), u64::MAX >> (BITS - 1 - last % BITS));
        let words = self.words.get_mut(from..=to).unwrap_or_default();
        let is_free = match words {
            [] => true,
            [only] => *only & low & high == 0,
            // Without a branch for each word: most often all are 0.
            [first, whole @ .., last] => whole.iter().fold(*first & low | *last & high, |used, word| used | word) == 0,
        };
        if !is_free {
            return Err(SetError::AlreadySet);
        }
        match words {
            [] => {}
            [only] => *only |= low & high,
            [first, whole @ .., last] => {
                *first |= low;
                whole.fill(u64::MAX);
                *last |= high;
            }
        }
        (from >> self.part..=to >> self.part).for_each(|part| self.mark_part(part));
        Ok(())
    }

    /// Clears the bits of a run that were set.
    pub fn clear_run(&mut self, run: Run) {
        let (mut cursor, mut left) = (self.cursor(run.first), run.count);
        while left > 0
            && let Some(bits) = self.advance(&mut cursor, left)
        {
            self.clear(bits);
            left -= bits.count();
        }
    }

    /// Clears the bits of a run that are all set, a word at a time.
    pub fn clear_whole(&mut self, run: Run) {
        let Some((bits, last)) = self.bits(run).and_then(|bits| Some((bits.clone(), bits.end.checked_sub(1)?))) else {
            return;
        };
        let (low, high) = (u64::MAX << (bits.start % BITS), u64::MAX >> (BITS - 1 - last % BITS));
        let words = (bits.start / BITS) as usize..=(last / BITS) as usize;
        match self.words.get_mut(words).unwrap_or_default() {
            [] => return,
            [only] => *only &= !(low & high),
            [first, whole @ .., last] => {
                *first &= !low;
                whole.fill(0);
                *last &= !high;
            }
        }
        self.count = self.count.saturating_sub(run.count.into());
    }

    /// Clears bits that [`FrameBitmap::advance`] returned.
    #[inline]
    pub fn clear(&mut self, found: WordBits) {
        if let Some(bits) = self.words.get_mut(found.word) {
            *bits &= !found.bits;
        }
        self.count = self.count.saturating_sub(found.count().into());
    }

    /// Sets bits again that [`FrameBitmap::clear`] cleared.
    pub(super) fn restore(&mut self, found: WordBits) {
        if let Some(bits) = self.words.get_mut(found.word) {
            *bits |= found.bits;
        }
        self.count += u64::from(found.count());
        self.mark_part(found.word >> self.part);
    }

    /// Returns a cursor at frame `from`.
    pub fn cursor(&self, from: u64) -> Cursor {
        let bit = from.saturating_sub(self.base);
        let word = usize::try_from(bit / BITS).unwrap_or(usize::MAX);
        Cursor { word, bits: self.word(word) & u64::MAX << (bit % BITS) }
    }

    /// Moves the cursor past the next set bits, at most `max`, and returns them. Returns `None` when no bit is left or
    /// `max` is 0.
    #[inline]
    pub fn advance(&mut self, cursor: &mut Cursor, max: u32) -> Option<WordBits> {
        if cursor.bits == 0 {
            let word = cursor.word.checked_add(1)?;
            // Most often the next word has set bits.
            *cursor = Cursor { word, bits: self.word(word) };
            if cursor.bits == 0 {
                *cursor = self.find_word(word)?;
            }
        }
        let Cursor { word, mut bits } = *cursor;
        let mut count = count_ones(bits);
        if count > max {
            bits ^= ones_after(bits, max);
            count = max;
        }
        cursor.bits ^= bits;
        (count > 0).then_some(WordBits { word, bits, count, base: self.base + word as u64 * BITS })
    }

    /// Does what [`FrameBitmap::advance`] does, for several words at once if all of their bits are set.
    #[inline(always)]
    pub fn advance_words(&mut self, cursor: &mut Cursor, max: u32) -> Option<Found> {
        let from = if cursor.bits == 0 { cursor.word.wrapping_add(1) } else { cursor.word };
        if (cursor.bits == 0 || cursor.bits == u64::MAX) && self.word(from) == u64::MAX && max >= u64::BITS {
            let words = self.whole_words(from, max / u64::BITS);
            *cursor = Cursor { word: from + words as usize - 1, bits: 0 };
            return Some(Found::Words(Run { first: self.base + from as u64 * BITS, count: words * u64::BITS }));
        }
        self.advance(cursor, max).map(Found::Bits)
    }

    /// Returns how many words from `from` on have all bits set, at least 1 and at most `max`, if the first one has.
    #[inline(never)]
    fn whole_words(&self, from: usize, max: u32) -> u32 {
        let words = self.words.get(from..).unwrap_or_default().iter().take(max as usize);
        (words.take_while(|word| **word == u64::MAX).count() as u32).max(1)
    }

    /// Returns the first run at or after frame `from`, cut to `max` frames, or `None` when there is none or `max` is 0.
    pub fn next_run(&mut self, from: u64, max: u32) -> Option<Run> {
        let mut cursor = self.cursor(from);
        let mut merger = RunMerger::default();
        while merger.count() < max
            && let Some(bits) = self.advance(&mut cursor, max - merger.count())
        {
            if let Some(run) = bits.runs().find_map(|run| merger.push(run)) {
                return Some(run);
            }
        }
        merger.finish()
    }

    /// Returns whether the bit of a frame is set.
    pub fn contains(&self, frame: u64) -> bool {
        let Some(bit) = frame.checked_sub(self.base).filter(|&bit| bit < self.frames) else { return false };
        usize::try_from(bit / BITS).is_ok_and(|word| self.word(word) >> (bit % BITS) & 1 != 0)
    }

    /// Returns the first word at or after `word` that has a set bit.
    #[inline(never)]
    fn find_word(&mut self, mut word: usize) -> Option<Cursor> {
        let words = usize::try_from(self.frames.div_ceil(BITS)).ok()?;
        while word < words {
            let part = word >> self.part;
            let end = words.min((part + 1) << self.part);
            if self.summary.get(part / 64).is_some_and(|summary| summary >> (part % 64) & 1 == 0) {
                word = end;
                continue;
            }
            let is_whole_part = word == part << self.part;
            while word < end {
                let bits = self.word(word);
                if bits != 0 {
                    return Some(Cursor { word, bits });
                }
                word += 1;
            }
            if is_whole_part && let Some(summary) = self.summary.get_mut(part / 64) {
                *summary &= !(1 << (part % 64));
            }
        }
        None
    }

    /// Marks a part in the summary as having set bits.
    #[inline]
    fn mark_part(&mut self, part: usize) {
        if let Some(summary) = self.summary.get_mut(part / 64) {
            *summary |= 1 << (part % 64);
        }
    }

    fn word(&self, word: usize) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }

    /// Returns the bit numbers of a run if it is inside the range.
    fn bits(&self, run: Run) -> Option<Range<u64>> {
        let start = run.first.checked_sub(self.base)?;
        let end = start.checked_add(run.count.into())?;
        (end <= self.frames).then_some(start..end)
    }
}

/// Counts the ones of a word. Consecutive ones are counted without a population count, which not every CPU has.
#[inline]
fn count_ones(bits: u64) -> u32 {
    let shifted = bits >> bits.trailing_zeros().min(u64::BITS - 1);
    if shifted & shifted.wrapping_add(1) == 0 { shifted.trailing_ones() } else { bits.count_ones() }
}

/// Returns the ones of a word without its lowest `skip` ones.
fn ones_after(mut bits: u64, skip: u32) -> u64 {
    for _ in 0..skip {
        bits &= bits.wrapping_sub(1);
    }
    bits
}

#[cfg(test)]
#[path = "bitmap_tests.rs"]
mod tests;
