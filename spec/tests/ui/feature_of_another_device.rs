//! A driver cannot declare or use a feature that its device does not have.
// conformance: core.feature.8
use aerostat_spec::Accepted;
use aerostat_spec::net::feature::{Mac, Mtu};

aerostat_spec::feature_set! {
    struct Declared for aerostat_spec::balloon {
        Mac: Required,
        aerostat_spec::balloon::feature::MustTellHost: Optional,
    }
}

fn main() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(0, 0) }.unwrap();
    accepted.proof(Mtu);
}
