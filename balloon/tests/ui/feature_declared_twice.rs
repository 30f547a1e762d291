//! A feature has one requirement.

use aerostat_balloon::features;

features! {
    struct Twice { MustTellHost: Required, MustTellHost: Optional }
}

fn main() {}
