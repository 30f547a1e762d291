//! Probing moves the unprobed balloon, and a live balloon cannot be probed.

use aerostat_balloon::transport::{Spin, Transport};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Platform, Ready, Unprobed};

fn chained<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, F>>) {
    let _ = balloon.probe(&mut Spin::default());
}

fn moved<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(balloon: Balloon<Unprobed<T, P, F>>) {
    let _ = balloon.probe(&mut Spin::default());
    let _ = balloon.into_parts();
}

fn main() {}
