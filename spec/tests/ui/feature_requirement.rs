//! The requirement for a feature is `Required` or `Optional`.

use aerostat_spec::balloon::feature;

aerostat_spec::feature_set! {
    struct Declared for aerostat_spec::balloon {
        feature::MustTellHost: Optional,
        feature::StatsVq: Preferred,
    }
}

fn main() {}
