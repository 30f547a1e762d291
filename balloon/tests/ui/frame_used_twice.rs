//! A run of frames is moved into the balloon, and cannot be copied.
// conformance: balloon.op.11
use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonFeatureSet, FrameRun, Platform, Ready};

fn again<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run);
    let _ = balloon.inflate_with(run);
}

fn both<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
    kernel: &mut P,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run);
    kernel.deallocate(run);
}

fn copied<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
    run: FrameRun<P::Size>,
) {
    let _ = balloon.inflate_with(run.clone());
}

fn main() {}
