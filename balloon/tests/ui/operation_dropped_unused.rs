//! Where unused values are denied, an operation that nobody polls is an error, and says what becomes of the frames.
#![deny(unused_must_use)]

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, FrameRun, Frames, Ready};

fn forgotten<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
    run: FrameRun<P::Size>,
) -> Result<(), BalloonError> {
    balloon.inflate(100)?;
    balloon.deflate(100)?;
    balloon.deflate(100)?.tell_host();
    balloon.inflate_with(run);
    run_of_the_kernel(balloon);
    Ok(())
}

fn run_of_the_kernel<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: &mut Balloon<Ready<T, P, L>>) {
    balloon.platform_mut().allocate(1);
}

fn main() {}
