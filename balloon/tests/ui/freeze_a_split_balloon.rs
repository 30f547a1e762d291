//! A split balloon is joined with its handles before it is frozen, reset or removed.

use aerostat_balloon::transport::{Transport, Wait};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Handles, Platform, Split};

fn freeze<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
    balloon: Balloon<Split<T, P, F>>,
    mut wait: impl Wait,
) {
    let _ = balloon.freeze(&mut wait);
}

fn mixed<T: Transport, P: Platform<A> + Platform<B>, A: BalloonFeatureSet, B: BalloonFeatureSet>(
    one: Handles<T, P, A>,
    other: Handles<T, P, B>,
) {
    let _ = Handles { balloon: one.balloon, ..other }.join();
}

fn main() {}
