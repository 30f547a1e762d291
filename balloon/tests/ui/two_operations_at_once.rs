//! An operation borrows the balloon until it is done or dropped.

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, Platform, Ready};

fn two_inflations<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
) -> Result<(), BalloonError> {
    let mut one = balloon.inflate(100)?;
    let mut other = balloon.inflate(100)?;
    one.poll()?;
    other.poll()?;
    Ok(())
}

fn inflation_and_step<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
) -> Result<(), BalloonError> {
    let mut inflation = balloon.inflate(100)?;
    balloon.service()?;
    inflation.poll()?;
    Ok(())
}

fn deflation_and_inflation<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, F>>,
) -> Result<(), BalloonError> {
    let mut deflation = balloon.deflate(100)?.tell_host();
    balloon.inflate(100)?.poll()?;
    deflation.poll()?;
    Ok(())
}

fn main() {}
