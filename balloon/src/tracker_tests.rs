use std::boxed::Box;
use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn tracker(span: Range<u64>) -> Tracker {
    let words = vec![u64::MAX; Tracker::words(&span).unwrap()];
    Tracker::new(Box::leak(words.into_boxed_slice()), &span).unwrap()
}

fn frames_of(run: Run) -> Range<u64> {
    run.first..run.first + u64::from(run.count)
}

/// All frames in the book, found from the front.
fn all(tracker: &mut Tracker) -> BTreeSet<u64> {
    let (mut from, mut found) = (0, BTreeSet::new());
    while let Some(run) = tracker.next(from, u32::MAX) {
        found.extend(frames_of(run));
        from = frames_of(run).end;
    }
    found
}

#[test]
fn memory_costs_one_bit_a_frame() {
    assert_eq!(Tracker::words(&(0..1 << 32)), Some(1 << 26));
    assert_eq!(Tracker::words(&(100..101)), Some(1));
    assert_eq!(Tracker::words(&(5..5)), Some(0));
}

#[test]
fn too_few_words_are_handed_back() {
    let words = Box::leak(vec![0; 3].into_boxed_slice());
    assert_eq!(Tracker::new(words, &(0..193)).unwrap_err().len(), 3);
}

#[test]
fn a_run_outside_the_span_is_refused() {
    let mut tracker = tracker(64..128);
    for (first, count) in [(63, 1), (128, 1), (127, 2), (0, 1), (u64::MAX, 2)] {
        assert_eq!(tracker.insert(Run { first, count }), Err(Refusal::OutsideSpan), "{first}+{count}");
    }
    assert_eq!(tracker.count(), 0);
}

#[test]
fn a_frame_is_entered_once_and_a_refused_run_leaves_no_trace() {
    let mut tracker = tracker(0..256);
    tracker.insert(Run { first: 100, count: 1 }).unwrap();
    assert_eq!(tracker.insert(Run { first: 40, count: 61 }), Err(Refusal::Twice));
    assert_eq!(all(&mut tracker), BTreeSet::from([100]));
}

#[test]
fn runs_are_found_whole_across_words_and_cut_to_what_is_asked() {
    let mut tracker = tracker(10..1000);
    tracker.insert(Run { first: 60, count: 300 }).unwrap();
    assert_eq!(tracker.next(0, u32::MAX), Some(Run { first: 60, count: 300 }));
    assert_eq!(tracker.next(0, 256), Some(Run { first: 60, count: 256 }));
    assert_eq!(tracker.next(359, 256), Some(Run { first: 359, count: 1 }));
    assert_eq!(tracker.next(360, 256), None);
    assert_eq!(tracker.next(0, 0), None);
}

#[test]
fn the_summary_skips_what_was_emptied_and_finds_what_came_back() {
    let mut tracker = tracker(0..1 << 22);
    let far = Run { first: (1 << 22) - 1, count: 1 };
    for _ in 0..3 {
        tracker.insert(far).unwrap();
        assert_eq!(tracker.next(0, 8), Some(far));
        tracker.remove(far);
        assert_eq!(tracker.next(0, 8), None);
        assert_eq!(tracker.summary, [0; SUMMARY]);
    }
}

proptest! {
    #[test]
    fn the_book_holds_what_a_set_would_hold(
        base in 0_u64..200,
        frames in 1_u64..5000,
        steps in prop::collection::vec((0_u64..5200, 1_u32..400, any::<bool>()), 1..60),
    ) {
        let span = base..base + frames;
        let mut tracker = tracker(span.clone());
        let mut model = BTreeSet::new();
        for (first, count, enter) in steps {
            let range = first..first + u64::from(count);
            if enter {
                let inside = range.start >= span.start && range.end <= span.end;
                let twice = range.clone().any(|frame| model.contains(&frame));
                let expected = if !inside { Err(Refusal::OutsideSpan) } else if twice { Err(Refusal::Twice) } else { Ok(()) };
                prop_assert_eq!(tracker.insert(Run { first, count }), expected);
                if expected.is_ok() {
                    model.extend(range);
                }
            } else if let Some(run) = tracker.next(first, count) {
                prop_assert!(run.first >= first && run.count <= count);
                prop_assert_eq!(model.range(first..).next(), Some(&run.first));
                for frame in run.first..run.first + u64::from(run.count) {
                    prop_assert!(model.remove(&frame));
                }
                tracker.remove(run);
            } else {
                prop_assert_eq!(model.range(first..).next(), None);
            }
            prop_assert_eq!(tracker.count(), model.len() as u64);
        }
        prop_assert_eq!(all(&mut tracker), model);
    }

    #[test]
    fn a_walk_passes_each_frame_once_in_pieces_that_say_what_they_are(
        base in 0_u64..200,
        runs in prop::collection::vec((0_u64..1000, 1_u32..150), 1..20),
        from in 0_u64..1200,
        mosts in prop::collection::vec(1_u32..90, 1..40),
        strike in any::<bool>(),
    ) {
        let mut tracker = tracker(base..base + 1200);
        let mut model = BTreeSet::new();
        for (first, count) in runs {
            let run = Run { first: base + first, count };
            if tracker.insert(run).is_ok() {
                model.extend(frames_of(run));
            }
        }
        let (mut walk, mut mosts, mut passed) = (tracker.walk(from), mosts.into_iter().cycle(), Vec::new());
        while let Some((piece, most)) = mosts.next().and_then(|most| Some((tracker.step(&mut walk, most)?, most))) {
            let frames: Vec<u64> = piece.frames().collect();
            prop_assert_eq!(piece.runs().flat_map(frames_of).collect::<Vec<_>>(), &frames[..]);
            prop_assert!(!frames.is_empty() && frames.len() <= most as usize);
            prop_assert_eq!((piece.count() as usize, piece.first()), (frames.len(), frames[0]));
            prop_assert_eq!(piece.end(), frames[frames.len() - 1] + 1);
            prop_assert_eq!(piece.run().is_some(), piece.end() - piece.first() == piece.count().into());
            prop_assert!(piece.run().is_none_or(|run| frames_of(run).eq(frames.iter().copied())));
            if strike {
                tracker.strike(piece);
            }
            passed.extend(frames);
        }
        prop_assert!(model.range(from..).eq(&passed));
        let left: BTreeSet<u64> = if strike { model.range(..from).copied().collect() } else { model };
        prop_assert_eq!(tracker.count(), left.len() as u64);
        prop_assert_eq!(all(&mut tracker), left);
    }

    #[test]
    fn runs_in_order_are_joined_into_what_they_are_together(runs in prop::collection::vec((0_u64..3, 1_u32..5), 0..40)) {
        let (mut joined, mut apart, mut at, mut frames) = (Joined::default(), Vec::new(), 0, BTreeSet::new());
        for (gap, count) in runs {
            let run = Run { first: at + gap, count };
            at = run.first + u64::from(count);
            frames.extend(frames_of(run));
            apart.extend(joined.join(run));
        }
        apart.extend(joined.rest());
        prop_assert_eq!(apart.iter().copied().flat_map(frames_of).collect::<BTreeSet<_>>(), frames);
        prop_assert!(apart.windows(2).all(|pair| pair[0].first + u64::from(pair[0].count) < pair[1].first));
    }
}
