//! Declares each feature once.
//!
//! * feature_declared_twice: remove all lines but one for `MustTellHost` and other features with the same bit

aerostat_balloon::features! {
    struct Once { MustTellHost: Required }
}

fn main() {}
