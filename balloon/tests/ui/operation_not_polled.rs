//! An operation that is not polled is a warning that says what happens to the frames.
#![deny(unused_must_use)]

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, FrameRun, Frames, Platform, Ready};

fn not_polled<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
    run: FrameRun<P::Size>,
) -> Result<(), BalloonError> {
    balloon.inflate(100)?;
    balloon.deflate(100)?;
    balloon.deflate(100)?.tell_host();
    balloon.inflate_with(run);
    Ok(())
}

fn run_of_the_kernel<P: Frames>(kernel: &mut P) {
    kernel.allocate(1);
}

fn main() {}
