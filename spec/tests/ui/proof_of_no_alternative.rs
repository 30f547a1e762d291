//! A field that exists with any of several features does not exist with other features.

use aerostat_spec::Accepted;
use aerostat_spec::net::{config::MaxVirtqueuePairs, feature::CtrlVq};

aerostat_spec::feature_set! { struct Declared for aerostat_spec::net { CtrlVq: Required } }

fn main() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(!0, !0) }.unwrap();
    MaxVirtqueuePairs::given(accepted.proof(CtrlVq));
}
