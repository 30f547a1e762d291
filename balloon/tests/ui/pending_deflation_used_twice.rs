//! A pending deflation is released early or sent to the host, not both.

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonError, NoFeatures, Platform, Ready};

fn twice<T: Transport, P: Platform<NoFeatures>>(
    balloon: &mut Balloon<Ready<T, P, NoFeatures>>,
) -> Result<(), BalloonError> {
    let pending = balloon.deflate(100)?;
    pending.release_early()?;
    pending.tell_host().poll()?;
    Ok(())
}

fn main() {}
