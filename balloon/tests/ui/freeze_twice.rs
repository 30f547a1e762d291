//! A frozen balloon cannot be frozen again, and freezing moves the live balloon.

use aerostat_balloon::transport::{Transport, Wait};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Platform, Ready};

fn chained<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, F>>, mut wait: impl Wait) {
    if let Ok(frozen) = balloon.freeze(&mut wait) {
        let _ = frozen.freeze(&mut wait);
    }
}

fn moved<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, F>>, mut wait: impl Wait) {
    let _ = balloon.freeze(&mut wait);
    let _ = balloon.freeze(&mut wait);
}

fn main() {}
