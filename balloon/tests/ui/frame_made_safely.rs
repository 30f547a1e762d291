//! To say that a frame is one's own is a promise, which takes `unsafe`.

use aerostat_balloon::{FrameRun, Size4KiB};

fn main() {
    let _ = FrameRun::<Size4KiB>::from_raw(1, 1);
}
