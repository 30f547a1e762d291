//! The caller of `from_raw` promises that it owns the frames, so that it is `unsafe`.

use aerostat_balloon::{FrameRun, Size4KiB};

fn main() {
    let _ = FrameRun::<Size4KiB>::from_raw(1, 1);
}
