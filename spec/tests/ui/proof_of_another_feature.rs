//! The proof of one feature does not allow what depends on another.

use aerostat_spec::balloon::{Features, config::PoisonVal, feature};
use aerostat_spec::{Accepted, Levels, Required, With, reserved};

type Declared = <Levels<Features, reserved::Features> as With<feature::StatsVq, Required>>::Out;

fn main() {
    let accepted = Accepted::<Declared>::negotiate(!0, !0).unwrap();
    PoisonVal::given(accepted.proof(feature::StatsVq));
}
