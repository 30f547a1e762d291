//! Frames that are on their way from the bitmap to the kernel.

use super::bitmap::{Found, FrameBitmap, Run, RunMerger, WordBits};

/// A call that removes frames from the bitmap and returns them to the kernel. If the kernel panics in between, those that it did not
/// get are put back into the bitmap.
///
/// The bits of a word, or of several words, are cleared together, before the first of their frames goes back: a frame that the kernel got may be in its
/// allocator although the call panicked, so it must never be returned again.
#[derive(Debug)]
pub(crate) struct Returning<'a> {
    bitmap: &'a mut FrameBitmap,
    /// The run that was pending when the bits were cleared.
    pending: Option<Run>,
    /// The frames that were cleared last.
    cleared: Found,
    /// The end of the frames that the kernel got last.
    passed: u64,
}

impl<'a> Returning<'a> {
    /// Starts to return frames.
    #[inline]
    pub(crate) const fn new(bitmap: &'a mut FrameBitmap) -> Self {
        Self { bitmap, pending: None, cleared: Found::Bits(WordBits::NONE), passed: 0 }
    }

    /// Clears the frames that `next` finds, while the runs in `merger` are pending.
    #[inline]
    pub(crate) fn clear_next(
        &mut self,
        merger: RunMerger,
        next: impl FnOnce(&mut FrameBitmap) -> Option<Found>,
    ) -> Option<Found> {
        let found = next(self.bitmap)?;
        match found {
            Found::Bits(bits) => self.bitmap.clear(bits),
            Found::Words(run) => self.bitmap.clear_whole(run),
        }
        (self.cleared, self.pending) = (found, merger.finish());
        Some(found)
    }

    /// Notes that the kernel gets a run now.
    #[inline]
    pub(crate) const fn passed(&mut self, run: Run) {
        self.passed = run.first.wrapping_add(run.count as u64);
    }

    /// Ends the call: the kernel has all frames.
    #[inline]
    pub(crate) fn finish(self) {
        core::mem::forget(self);
    }
}

/// Only after a panic.
impl Drop for Returning<'_> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        if let Some(run) = self.pending
            && run.first >= self.passed
        {
            let _ = self.bitmap.set_run(run);
        }
        match self.cleared {
            Found::Bits(bits) => self.bitmap.restore(bits.at_or_after(self.passed)),
            // The kernel has all of it or nothing.
            Found::Words(run) if run.first >= self.passed => {
                let _ = self.bitmap.set_run(run);
            }
            Found::Words(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::collections::BTreeSet;
    use std::vec;

    use super::*;

    fn runs_of(found: Found) -> std::vec::Vec<Run> {
        match found {
            Found::Bits(bits) => bits.runs().collect(),
            Found::Words(run) => vec![run],
        }
    }

    /// Stops after a number of runs, and before or after the kernel has the last one.
    #[test]
    fn frames_that_the_kernel_did_not_get_are_put_back() {
        let range = 5..600;
        let frames: BTreeSet<u64> = range.clone().filter(|frame| frame % 7 != 3 && !(60..90).contains(frame)).collect();
        let mut frames = frames;
        frames.extend(200..420);
        let stops = (0..40).step_by(if cfg!(miri) { 20 } else { 1 });
        for (stop, has_last) in stops.flat_map(|stop| [(stop, false), (stop, true)]) {
            let words = vec![0; FrameBitmap::words(&range).unwrap()];
            let mut bitmap = FrameBitmap::new(Box::leak(words.into_boxed_slice()), &range);
            frames.iter().for_each(|&first| bitmap.set(Run { first, count: 1 }).unwrap());
            let (mut expected, mut merger) = (frames.clone(), RunMerger::default());
            let (mut cursor, mut runs) = (bitmap.cursor(20), 0);
            let mut returning = Returning::new(&mut bitmap);
            'stopped: while let Some(bits) =
                returning.clear_next(merger, |bitmap| bitmap.advance_words(&mut cursor, 130))
            {
                for run in runs_of(bits) {
                    if let Some(run) = merger.push(run) {
                        runs += 1;
                        if runs > stop && !has_last {
                            break 'stopped;
                        }
                        returning.passed(run);
                        (run.first..run.first + u64::from(run.count)).for_each(|frame| {
                            expected.remove(&frame);
                        });
                        if runs > stop {
                            break 'stopped;
                        }
                    }
                }
            }
            assert!(runs > stop);
            drop(returning);
            let found: BTreeSet<u64> = range.clone().filter(|&frame| bitmap.contains(frame)).collect();
            assert_eq!((found, bitmap.count()), (expected.clone(), expected.len() as u64), "{stop} {has_last}");
            let mut from = 0;
            while let Some(run) = bitmap.next_run(from, u32::MAX) {
                from = run.first + u64::from(run.count);
            }
            assert_eq!(from, 600, "the summary has all parts");
        }
    }

    /// The kernel has all of them or nothing.
    #[test]
    fn whole_words_that_the_kernel_did_not_get_are_put_back() {
        for got in 0..=2 {
            let range = 0..320;
            let words = vec![0; FrameBitmap::words(&range).unwrap()];
            let mut bitmap = FrameBitmap::new(Box::leak(words.into_boxed_slice()), &range);
            for (first, count) in [(74, 10), (128, 128)] {
                bitmap.set(Run { first, count }).unwrap();
            }
            let (mut cursor, mut merger) = (bitmap.cursor(0), RunMerger::default());
            let mut returning = Returning::new(&mut bitmap);
            let mut passed = std::vec::Vec::new();
            while let Some(found) = returning.clear_next(merger, |bitmap| bitmap.advance_words(&mut cursor, 200)) {
                passed.extend(runs_of(found).into_iter().filter_map(|run| merger.push(run)));
                if passed.len() == 1 {
                    assert!(matches!(found, Found::Words(Run { first: 128, count: 128 })), "{found:?}");
                    break;
                }
            }
            passed.extend(merger.finish());
            passed.iter().take(got).for_each(|&run| returning.passed(run));
            drop(returning);
            let left: std::vec::Vec<u64> = range.filter(|&frame| bitmap.contains(frame)).collect();
            let expected = (74..84).filter(|_| got < 1).chain((128..256).filter(|_| got < 2));
            assert_eq!(left, expected.collect::<std::vec::Vec<_>>(), "{got}");
        }
    }
}
