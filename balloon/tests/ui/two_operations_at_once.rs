//! An operation holds the balloon until it is done or dropped.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonError, BalloonFeatureSet, Frames, Ready};

fn two_inflations<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
) -> Result<(), BalloonError> {
    let mut one = balloon.inflate(100)?;
    let mut other = balloon.inflate(100)?;
    one.poll()?;
    other.poll()?;
    Ok(())
}

fn inflation_and_step<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
) -> Result<(), BalloonError> {
    let mut inflation = balloon.inflate(100)?;
    balloon.service()?;
    inflation.poll()?;
    Ok(())
}

fn deflation_and_inflation<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    balloon: &mut Balloon<Ready<T, P, L>>,
) -> Result<(), BalloonError> {
    let mut deflation = balloon.deflate(100)?.tell_host();
    balloon.inflate(100)?.poll()?;
    deflation.poll()?;
    Ok(())
}

fn main() {}
