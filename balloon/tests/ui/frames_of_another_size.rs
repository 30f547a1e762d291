//! Frames of 16 KiB are no frames of 4 KiB, and there are no other sizes.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonFeatureSet, FrameRun, FrameSize, Frames, Ready, Size4KiB, Size16KiB};

fn mixed_up<T: Transport, P: Dma + Frames<Size = Size4KiB>, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
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
