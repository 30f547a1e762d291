//! Probing consumes the unprobed balloon, and a live one is not probed again.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Frames, Ready, Unprobed};

fn chained<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, L>>) {
    let _ = balloon.probe();
}

fn moved<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: Balloon<Unprobed<T, P, L>>) {
    let _ = balloon.probe();
    let _ = balloon.into_parts();
}

fn main() {}
