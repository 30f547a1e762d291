//! A frame enters the balloon by value, and has no copies.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonLevels, FrameRun, Frames, Ready};

fn again<T: Transport, P: Dma + Frames, L: BalloonLevels>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run);
    let _ = balloon.inflate_with(run);
}

fn both<T: Transport, P: Dma + Frames, L: BalloonLevels>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run);
    balloon.platform_mut().take_back(run);
}

fn copied<T: Transport, P: Dma + Frames, L: BalloonLevels>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run.clone());
}

fn main() {}
