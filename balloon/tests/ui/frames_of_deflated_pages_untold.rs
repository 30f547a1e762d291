//! There is no way from picked frames to their numbers but to tell the host.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, FrameRun, Frames, Ready};

fn peek<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
) -> Result<FrameRun<P::Size>, BalloonError> {
    let deflated = balloon.deflate(1)?;
    deflated.into_frames()
}

fn main() {}
