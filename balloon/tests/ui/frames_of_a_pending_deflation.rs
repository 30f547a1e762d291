//! The frames of a pending deflation cannot be taken out without telling the host.

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, FrameRun, Platform, Ready};

fn take<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
) -> Result<FrameRun<P::Size>, BalloonError> {
    let pending = balloon.deflate(1)?;
    pending.into_frames()
}

fn main() {}
