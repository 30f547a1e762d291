//! Only what was frozen is restored.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Frames, Ready};

fn restore<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, L>>) {
    let _ = balloon.restore();
}

fn main() {}
