//! A frozen balloon has no live queue.

use aerostat_balloon::transport::{Dma, Transport, Wait};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Frames, Ready};

fn too_late<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, L>>, mut wait: impl Wait) {
    if let Ok(mut frozen) = balloon.freeze(&mut wait) {
        frozen.inflate(100);
        frozen.service();
        frozen.deflate(100);
    }
}

fn main() {}
