//! No operation outlives the live balloon.

use aerostat_balloon::transport::{Dma, Transport, Wait};
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, Deflation, Frames, Ready};

fn over_freeze<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    mut balloon: Balloon<Ready<T, P, L>>,
    mut wait: impl Wait,
) -> Result<(), BalloonError> {
    let mut inflation = balloon.inflate(100)?;
    let _ = balloon.freeze(&mut wait);
    inflation.poll()?;
    Ok(())
}

fn out_of_its_balloon<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    mut balloon: Balloon<Ready<T, P, L>>,
) -> Result<Deflation<'static, Ready<T, P, L>>, BalloonError> {
    Ok(balloon.deflate(100)?.tell_host())
}

fn main() {}
