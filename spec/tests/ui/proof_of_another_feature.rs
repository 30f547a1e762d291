//! The proof of one feature does not give access to a field of another one.

use aerostat_spec::Accepted;
use aerostat_spec::balloon::{config::PoisonVal, feature::StatsVq};

aerostat_spec::feature_set! { struct Declared for aerostat_spec::balloon { StatsVq: Required } }

fn main() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(!0, !0) }.unwrap();
    PoisonVal::given(accepted.proof(StatsVq));
}
