//! Frames that are on their way from the bitmap to the kernel.

use super::bitmap::{FrameBitmap, Run, RunMerger, WordBits};

/// A call that removes frames from the bitmap and returns them to the kernel. If the kernel panics in between, those that it did not
/// get are put back into the bitmap.
///
/// The bits of a word are cleared together, before the first of its frames goes back: a frame that the kernel got may be in its
/// allocator although the call panicked, so it must never be returned again.
#[derive(Debug)]
pub(crate) struct Returning<'a> {
    bitmap: &'a mut FrameBitmap,
    /// The run that was pending when the bits were cleared.
    pending: Option<Run>,
    /// The bits that were cleared last.
    bits: WordBits,
    /// The end of the frames that the kernel got last.
    passed: u64,
}

impl<'a> Returning<'a> {
    /// Starts to return frames.
    #[inline]
    pub(crate) const fn new(bitmap: &'a mut FrameBitmap) -> Self {
        Self { bitmap, pending: None, bits: WordBits::NONE, passed: 0 }
    }

    /// Clears the bits that `next` finds, while the runs in `merger` are pending.
    #[inline]
    pub(crate) fn clear_next(
        &mut self,
        merger: RunMerger,
        next: impl FnOnce(&mut FrameBitmap) -> Option<WordBits>,
    ) -> Option<WordBits> {
        let bits = next(self.bitmap)?;
        self.bitmap.clear(bits);
        (self.bits, self.pending) = (bits, merger.finish());
        Some(bits)
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
        self.bitmap.restore(self.bits.at_or_after(self.passed));
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::collections::BTreeSet;
    use std::vec;

    use super::*;

    /// Stops after a number of runs, and before or after the kernel has the last one.
    #[test]
    fn frames_that_the_kernel_did_not_get_are_put_back() {
        let range = 5..600;
        let frames: BTreeSet<u64> = range.clone().filter(|frame| frame % 7 != 3 && !(60..90).contains(frame)).collect();
        let mut frames = frames;
        frames.extend(200..420);
        for (stop, has_last) in (0..40).flat_map(|stop| [(stop, false), (stop, true)]) {
            let words = vec![0; FrameBitmap::words(&range).unwrap()];
            let mut bitmap = FrameBitmap::new(Box::leak(words.into_boxed_slice()), &range);
            frames.iter().for_each(|&first| bitmap.set(Run { first, count: 1 }).unwrap());
            let (mut expected, mut merger) = (frames.clone(), RunMerger::default());
            let (mut cursor, mut runs) = (bitmap.cursor(20), 0);
            let mut returning = Returning::new(&mut bitmap);
            'stopped: while let Some(bits) = returning.clear_next(merger, |bitmap| bitmap.advance(&mut cursor, 50)) {
                for run in bits.runs() {
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
}
