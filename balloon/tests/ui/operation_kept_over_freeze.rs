//! An operation borrows the live balloon.

use aerostat_balloon::transport::{Spin, Transport, Wait};
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, Platform, Ready, Signal};

fn over_freeze<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    mut balloon: Balloon<Ready<T, P, F>>,
    mut wait: impl Wait,
) -> Result<(), BalloonError> {
    let mut inflation = balloon.inflate(100)?;
    let _ = balloon.freeze(&mut wait);
    inflation.poll()?;
    Ok(())
}

fn over_abandon<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
) -> Result<(), BalloonError> {
    let mut deflation = balloon.deflate(100)?.tell_host();
    balloon.abandon(&mut Spin::default())?;
    deflation.poll()?;
    Ok(())
}

fn longer_than_its_balloon<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    mut balloon: Balloon<Ready<T, P, F>>,
    signal: &Signal,
) -> Result<impl Future<Output = Result<u32, BalloonError>>, BalloonError> {
    Ok(balloon.deflate(100)?.tell_host().on(signal))
}

fn main() {}
