//! Where several features make a field, the proof of yet another one does not.

use aerostat_spec::net::{Features, config::MaxVirtqueuePairs, feature};
use aerostat_spec::{Accepted, FeaturePair, Required, WithFeature, reserved};

type Declared = <FeaturePair<Features, reserved::Features> as WithFeature<feature::CtrlVq, Required>>::Out;

fn main() {
    let accepted = Accepted::<Declared>::negotiate(!0, !0).unwrap();
    MaxVirtqueuePairs::given(accepted.proof(feature::CtrlVq));
}
