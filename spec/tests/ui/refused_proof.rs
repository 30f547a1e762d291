//! There is no proof of a feature that the driver refuses.

use aerostat_spec::balloon::{Features, feature::StatsVq};
use aerostat_spec::{Accepted, Levels, reserved};

fn main() {
    let accepted = Accepted::<Levels<Features, reserved::Features>>::negotiate(!0, !0).unwrap();
    accepted.proof(StatsVq);
}
