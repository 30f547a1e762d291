//! The limits of the frame bitmap's searches.

use aerostat_balloon::internals::{FrameBitmap, Run};

/// Callers that need no more frames get none, and the cursor stays.
#[test]
fn a_search_for_no_frames_finds_none() {
    let range = 0..1000;
    let words = vec![0; FrameBitmap::words(&range).unwrap()];
    let mut bitmap = FrameBitmap::new(words.leak(), &range);
    bitmap.set(Run { first: 70, count: 10 }).unwrap();
    let mut cursor = bitmap.cursor(0);
    assert!(bitmap.advance(&mut cursor, 0).is_none());
    assert_eq!(bitmap.next_run(0, 0), None);
    assert_eq!(bitmap.advance(&mut cursor, 4).map(|bits| (bits.first(), bits.count())), Some((70, 4)));
}

/// The first and the last word of the run have the same bit, as have pairs of words between them.
#[test]
fn frames_at_the_same_place_of_several_words_do_not_hide_each_other() {
    let range = 0..1000;
    for used in [[10, 74], [10, 266], [74, 138], [138, 202]] {
        let words = vec![0; FrameBitmap::words(&range).unwrap()];
        let mut bitmap = FrameBitmap::new(words.leak(), &range);
        for first in used {
            bitmap.set(Run { first, count: 1 }).unwrap();
        }
        for (first, count) in [(0, 128), (0, 320), (5, 300), (64, 128), (128, 128)] {
            let end = first + u64::from(count);
            let is_free = !used.iter().any(|frame| (first..end).contains(frame));
            assert_eq!(bitmap.set(Run { first, count }).is_ok(), is_free, "{used:?} {first}+{count}");
            if is_free {
                bitmap.clear_whole(Run { first, count });
            }
        }
        assert_eq!(bitmap.count(), 2);
    }
}
