//! A frozen balloon is restored, not frozen again; and the live one is gone.

use aerostat_balloon::transport::{Dma, Transport, Wait};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Frames, Ready};

fn chained<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, L>>, mut wait: impl Wait) {
    if let Ok(frozen) = balloon.freeze(&mut wait) {
        let _ = frozen.freeze(&mut wait);
    }
}

fn moved<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(balloon: Balloon<Ready<T, P, L>>, mut wait: impl Wait) {
    let _ = balloon.freeze(&mut wait);
    let _ = balloon.freeze(&mut wait);
}

fn main() {}
