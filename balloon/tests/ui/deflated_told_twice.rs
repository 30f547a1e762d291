//! Picked frames are told once, or used once.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonError, Frames, Ready, Undeclared};

fn twice<T: Transport, P: Dma + Frames>(balloon: &mut Balloon<Ready<T, P, Undeclared>>) -> Result<(), BalloonError> {
    let deflated = balloon.deflate(100)?;
    deflated.release_early()?;
    deflated.tell_host().poll()?;
    Ok(())
}

fn main() {}
