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
