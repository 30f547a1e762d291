//! A feature is declared at most once.

use aerostat_spec::balloon::{self, feature::StatsVq};

aerostat_spec::feature_set! {
    struct Declared for balloon {
        StatsVq: Required,
        balloon::feature::MustTellHost: Optional,
        balloon::feature::StatsVq: Optional,
    }
}

fn main() {
    let _ = Declared;
}
