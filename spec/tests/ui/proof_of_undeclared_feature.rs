//! There is no proof of a feature that the driver does not declare.

use aerostat_spec::Accepted;
use aerostat_spec::balloon::feature::StatsVq;

aerostat_spec::feature_set! { struct Declared for aerostat_spec::balloon {} }

fn main() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(!0, !0) }.unwrap();
    accepted.proof(StatsVq);
}
