//! Only a frozen balloon can be restored.

use aerostat_balloon::transport::{Spin, Transport};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Platform, Ready};

fn restore<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, F>>) {
    let _ = balloon.restore(&mut Spin::default());
}

fn main() {}
