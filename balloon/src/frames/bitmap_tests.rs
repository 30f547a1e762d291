use std::boxed::Box;
use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// The frames of a large bitmap, in which a bit of the summary stands for at least 4 words. Miri writes words slowly.
const LARGE: u64 = if cfg!(miri) { 1 << 19 } else { 1 << 22 };
/// The steps of a property test, at most.
const STEPS: usize = if cfg!(miri) { 8 } else { 60 };

fn bitmap(range: Range<u64>) -> FrameBitmap {
    let words = vec![u64::MAX; FrameBitmap::words(&range).unwrap()];
    FrameBitmap::new(Box::leak(words.into_boxed_slice()), &range)
}

fn frames_of(run: Run) -> Range<u64> {
    run.first..run.first + u64::from(run.count)
}

/// Returns all frames of the set, found from the front.
fn all(bitmap: &mut FrameBitmap) -> BTreeSet<u64> {
    let (mut from, mut found) = (0, BTreeSet::new());
    while let Some(run) = bitmap.next_run(from, u32::MAX) {
        found.extend(frames_of(run));
        from = frames_of(run).end;
    }
    found
}

#[test]
fn a_frame_takes_one_bit() {
    assert_eq!(FrameBitmap::words(&(0..1 << 32)), Some(1 << 26));
    assert_eq!(FrameBitmap::words(&(100..101)), Some(1));
    assert_eq!(FrameBitmap::words(&(5..5)), Some(0));
}

#[test]
fn frames_without_words_are_outside_the_range() {
    let mut bitmap = FrameBitmap::new(Box::leak(vec![0; 3].into_boxed_slice()), &(0..193));
    assert_eq!(bitmap.set(Run { first: 191, count: 1 }), Ok(()));
    assert_eq!(bitmap.set(Run { first: 192, count: 1 }), Err(SetError::OutsideRange));
    assert_eq!(bitmap.set(Run { first: 180, count: 13 }), Err(SetError::OutsideRange));
}

#[test]
fn a_run_outside_the_range_is_rejected() {
    let mut bitmap = bitmap(64..128);
    for (first, count) in [(63, 1), (128, 1), (127, 2), (0, 1), (u64::MAX, 2)] {
        assert_eq!(bitmap.set(Run { first, count }), Err(SetError::OutsideRange), "{first}+{count}");
    }
    assert_eq!(bitmap.count(), 0);
}

#[test]
fn a_bit_is_set_once_and_a_rejected_run_changes_nothing() {
    let mut bitmap = bitmap(0..256);
    bitmap.set(Run { first: 100, count: 1 }).unwrap();
    assert_eq!(bitmap.set(Run { first: 40, count: 61 }), Err(SetError::AlreadySet));
    assert_eq!(all(&mut bitmap), BTreeSet::from([100]));
}

#[test]
fn runs_are_found_whole_across_words_and_cut_to_the_limit() {
    let mut bitmap = bitmap(10..1000);
    bitmap.set(Run { first: 60, count: 300 }).unwrap();
    assert_eq!(bitmap.next_run(0, u32::MAX), Some(Run { first: 60, count: 300 }));
    assert_eq!(bitmap.next_run(0, 256), Some(Run { first: 60, count: 256 }));
    assert_eq!(bitmap.next_run(359, 256), Some(Run { first: 359, count: 1 }));
    assert_eq!(bitmap.next_run(360, 256), None);
    assert_eq!(bitmap.next_run(0, 0), None);
}

#[test]
fn the_summary_skips_cleared_parts_and_finds_bits_set_again() {
    let mut bitmap = bitmap(0..LARGE);
    let far = Run { first: LARGE - 1, count: 1 };
    for _ in 0..3 {
        bitmap.set(far).unwrap();
        assert_eq!(bitmap.next_run(0, 8), Some(far));
        bitmap.clear_run(far);
        assert_eq!(bitmap.next_run(0, 8), None);
        assert_eq!(bitmap.summary, [0; SUMMARY]);
    }
}

/// With more than 2^17 frames, a bit of the summary stands for several words.
#[test]
fn a_search_from_the_middle_of_a_part_does_not_hide_the_frames_before() {
    let mut bitmap = bitmap(0..LARGE);
    let words = 1 << bitmap.part;
    assert!(words >= 4, "parts of {words} words");
    // Searches look at the first two words without the summary.
    let first = Run { first: 2 * BITS + 7, count: 1 };
    bitmap.set(first).unwrap();
    for word in 2..words {
        assert_eq!(bitmap.next_run(word * BITS + 8, 1), None, "{word}");
        assert_eq!(bitmap.next_run(0, 1), Some(first), "after a search from word {word}");
    }
}

proptest! {
    #[test]
    fn a_bitmap_with_large_parts_equals_a_set_of_frames(
        base in 0_u64..200,
        steps in prop::collection::vec((0_u64..6, 0_u64..256, 1_u32..100, any::<bool>()), 1..STEPS),
    ) {
        // Parts of 4 words: 256 frames.
        let mut bitmap = bitmap(base..base + (1 << 19));
        prop_assert_eq!(bitmap.part, 2);
        let mut model = BTreeSet::new();
        for (part, offset, count, set) in steps {
            let first = base + part * part * 256 + offset;
            let range = first..first + u64::from(count);
            if set {
                let is_free = model.range(range.clone()).next().is_none();
                let expected = if is_free { Ok(()) } else { Err(SetError::AlreadySet) };
                prop_assert_eq!(bitmap.set(Run { first, count }), expected);
                if is_free {
                    model.extend(range);
                }
            } else if let Some(run) = bitmap.next_run(first, count) {
                prop_assert_eq!(model.range(first..).next(), Some(&run.first));
                prop_assert!(frames_of(run).all(|frame| model.remove(&frame)));
                bitmap.clear_run(run);
            } else {
                prop_assert_eq!(model.range(first..).next(), None);
            }
        }
        prop_assert_eq!(all(&mut bitmap), model);
    }

    #[test]
    fn the_bitmap_equals_a_set_of_frames(
        base in 0_u64..200,
        frames in 1_u64..5000,
        steps in prop::collection::vec((0_u64..5200, 1_u32..400, any::<bool>()), 1..STEPS),
    ) {
        let whole = base..base + frames;
        let mut bitmap = bitmap(whole.clone());
        let mut model = BTreeSet::new();
        for (first, count, set) in steps {
            let range = first..first + u64::from(count);
            if set {
                let inside = range.start >= whole.start && range.end <= whole.end;
                let already_set = range.clone().any(|frame| model.contains(&frame));
                let expected = if !inside { Err(SetError::OutsideRange) } else if already_set { Err(SetError::AlreadySet) } else { Ok(()) };
                prop_assert_eq!(bitmap.set(Run { first, count }), expected);
                if expected.is_ok() {
                    model.extend(range);
                }
            } else if let Some(run) = bitmap.next_run(first, count) {
                prop_assert!(run.first >= first && run.count <= count);
                prop_assert_eq!(model.range(first..).next(), Some(&run.first));
                for frame in run.first..run.first + u64::from(run.count) {
                    prop_assert!(model.remove(&frame));
                }
                bitmap.clear_run(run);
            } else {
                prop_assert_eq!(model.range(first..).next(), None);
            }
            prop_assert_eq!(bitmap.count(), model.len() as u64);
        }
        prop_assert_eq!(all(&mut bitmap), model);
    }

    #[test]
    fn a_cursor_passes_each_frame_once_and_describes_it_correctly(
        base in 0_u64..200,
        runs in prop::collection::vec((0_u64..1000, 1_u32..150), 1..STEPS / 2),
        from in 0_u64..1200,
        limits in prop::collection::vec(1_u32..200, 1..40),
        [clear, by_words] in any::<[bool; 2]>(),
    ) {
        let mut bitmap = bitmap(base..base + 1200);
        let mut model = BTreeSet::new();
        for (first, count) in runs {
            let run = Run { first: base + first, count };
            if bitmap.set(run).is_ok() {
                model.extend(frames_of(run));
            }
        }
        let (mut cursor, mut limits, mut passed) = (bitmap.cursor(from), limits.into_iter().cycle(), Vec::new());
        let mut next = |bitmap: &mut FrameBitmap| {
            let max = limits.next()?;
            let found = if by_words {
                bitmap.advance_words(&mut cursor, max)
            } else {
                bitmap.advance(&mut cursor, max).map(Found::Bits)
            };
            Some((found?, max))
        };
        while let Some((found, max)) = next(&mut bitmap) {
            let bits = match found {
                Found::Bits(bits) => bits,
                Found::Words(run) => {
                    prop_assert!(run.count <= max && run.count > 0 && run.count.is_multiple_of(64));
                    prop_assert_eq!((found.count(), found.first()), (run.count, run.first));
                    prop_assert_eq!(found.end(), run.first + u64::from(run.count));
                    if clear {
                        bitmap.clear_whole(run);
                    }
                    passed.extend(frames_of(run));
                    continue;
                }
            };
            let frames: Vec<u64> = bits.frames().collect();
            prop_assert_eq!(bits.runs().flat_map(frames_of).collect::<Vec<_>>(), &frames[..]);
            prop_assert!(!frames.is_empty() && frames.len() <= max as usize);
            prop_assert_eq!((bits.count() as usize, bits.first()), (frames.len(), frames[0]));
            prop_assert_eq!(bits.end(), frames[frames.len() - 1] + 1);
            prop_assert_eq!(bits.run().is_some(), bits.end() - bits.first() == u64::from(bits.count()));
            prop_assert!(bits.run().is_none_or(|run| frames_of(run).eq(frames.iter().copied())));
            if clear {
                bitmap.clear(bits);
            }
            passed.extend(frames);
        }
        prop_assert!(model.range(from..).eq(&passed));
        let left: BTreeSet<u64> = if clear { model.range(..from).copied().collect() } else { model };
        prop_assert_eq!(bitmap.count(), left.len() as u64);
        prop_assert_eq!(all(&mut bitmap), left);
    }

    #[test]
    fn adjacent_runs_are_merged(runs in prop::collection::vec((0_u64..3, 1_u32..5), 0..40)) {
        let (mut merger, mut merged, mut at, mut frames) = (RunMerger::default(), Vec::new(), 0, BTreeSet::new());
        for (gap, count) in runs {
            let run = Run { first: at + gap, count };
            at = run.first + u64::from(count);
            frames.extend(frames_of(run));
            merged.extend(merger.push(run));
        }
        merged.extend(merger.finish());
        prop_assert_eq!(merged.iter().copied().flat_map(frames_of).collect::<BTreeSet<_>>(), frames);
        prop_assert!(merged.windows(2).all(|pair| pair[0].first + u64::from(pair[0].count) < pair[1].first));
    }
}

#[test]
fn a_whole_run_is_cleared_and_nothing_else() {
    for (first, count) in [(100, 1), (128, 64), (100, 28), (130, 500), (127, 2), (64, 936)] {
        let mut bitmap = bitmap(64..1000);
        bitmap.set(Run { first: 64, count: 936 }).unwrap();
        bitmap.clear_whole(Run { first, count });
        assert_eq!(bitmap.count(), 936 - u64::from(count));
        assert!((64..1000).all(|frame| bitmap.contains(frame) != (first..first + u64::from(count)).contains(&frame)));
    }
    let mut bitmap = bitmap(0..64);
    bitmap.clear_whole(Run { first: 60, count: 5 });
    bitmap.clear_whole(Run { first: 60, count: 0 });
    assert_eq!(bitmap.count(), 0);
}

#[test]
fn the_bits_of_a_word_are_cut_before_a_frame() {
    let mut bitmap = bitmap(10..300);
    bitmap.set(Run { first: 12, count: 3 }).unwrap();
    bitmap.set(Run { first: 40, count: 2 }).unwrap();
    let bits = bitmap.advance(&mut bitmap.cursor(0), u32::MAX).unwrap();
    for (end, frames) in [(13, 1), (14, 2), (15, 3), (40, 3), (41, 4), (42, 5), (74, 5), (u64::MAX, 5)] {
        let cut = bits.before(end);
        assert_eq!((cut.count(), cut.first()), (frames, 12), "{end}");
        assert!(cut.end() <= end && cut.frames().all(|frame| frame < end), "{end}");
    }
}
