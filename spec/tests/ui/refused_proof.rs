//! There is no proof of a feature that the driver refuses.

use aerostat_spec::balloon::{Features, feature::StatsVq};
use aerostat_spec::{Accepted, FeaturePair, reserved};

fn main() {
    let accepted = Accepted::<FeaturePair<Features, reserved::Features>>::negotiate(!0, !0).unwrap();
    accepted.proof(StatsVq);
}
