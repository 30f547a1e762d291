//! Names a feature that the module of features has.
//!
//! * feature_that_no_balloon_has: in module `aerostat_balloon::feature`

fn exists(_: aerostat_balloon::feature::MustTellHost) {}

aerostat_balloon::features! {
    struct Declared { MustTellHost: Required }
}

fn main() {}
