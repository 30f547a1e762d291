//! Where several features make a field, the proof of yet another one does not.

use aerostat_spec::net::{Features, config::MaxVirtqueuePairs, feature};
use aerostat_spec::{Accepted, Levels, Required, With, reserved};

type Declared = <Levels<Features, reserved::Features> as With<feature::CtrlVq, Required>>::Out;

fn main() {
    let accepted = Accepted::<Declared>::negotiate(!0, !0).unwrap();
    MaxVirtqueuePairs::given(accepted.proof(feature::CtrlVq));
}
