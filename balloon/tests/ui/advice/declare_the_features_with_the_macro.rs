//! Declares a feature set for the balloon, or uses the empty one.
//!
//! * type_that_is_not_a_feature_set: declare it with `aerostat_balloon::features! { struct KernelFeatures { MustTellHost: Optional } }`
//! * type_that_is_not_a_feature_set: or use `aerostat_balloon::NoFeatures`

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, Options, Platform};

aerostat_balloon::features! { struct KernelFeatures { MustTellHost: Optional } }

fn create<T: Transport, P: Platform<KernelFeatures>>(transport: T, kernel: P) {
    let _ = Balloon::new(transport, kernel, Options::new(KernelFeatures));
}

fn create_without<T: Transport, P: Platform<aerostat_balloon::NoFeatures>>(transport: T, kernel: P) {
    let _ = Balloon::new(transport, kernel, Options::new(aerostat_balloon::NoFeatures));
}

fn main() {}
