//! A frame enters the balloon by value, and has no copies.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonFeatureSet, FrameRun, Frames, Ready};

fn again<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run);
    let _ = balloon.inflate_with(run);
}

fn both<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run);
    balloon.platform_mut().deallocate(run);
}

fn copied<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run.clone());
}

fn main() {}
