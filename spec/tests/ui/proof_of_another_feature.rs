//! The proof of one feature does not allow what depends on another.

use aerostat_spec::balloon::{Features, config::PoisonVal, feature};
use aerostat_spec::{Accepted, FeaturePair, Required, WithFeature, reserved};

type Declared = <FeaturePair<Features, reserved::Features> as WithFeature<feature::StatsVq, Required>>::Out;

fn main() {
    let accepted = Accepted::<Declared>::negotiate(!0, !0).unwrap();
    PoisonVal::given(accepted.proof(feature::StatsVq));
}
