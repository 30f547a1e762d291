//! A frozen balloon has no queues.

use aerostat_balloon::transport::{Transport, Wait};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Platform, Ready};

fn too_late<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, F>>, mut wait: impl Wait) {
    if let Ok(mut frozen) = balloon.freeze(&mut wait) {
        frozen.inflate(100);
        frozen.service();
        frozen.deflate(100);
    }
}

fn main() {}
