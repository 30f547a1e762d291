//! A run of 16 KiB frames does not fit a kernel of 4 KiB frames, and other sizes cannot be defined.

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonFeatureSet, FrameRun, FrameSize, Platform, Ready, Size4KiB, Size16KiB};

fn mixed_up<T: Transport, P: Platform<F, Size = Size4KiB>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
    run: FrameRun<Size16KiB>,
) {
    let _ = balloon.inflate_with(run);
}

#[derive(Clone, Copy, Debug)]
struct Size2MiB;

impl FrameSize for Size2MiB {
    const PAGES: u32 = 512;
}

fn main() {}
