//! Declares the feature as optional.
//!
//! * required_feature_left_out: declare it as `MustTellHost: Optional` in the feature set
//! * required_feature_left_out: declare it as `StatsVq: Optional` in the feature set

use aerostat_balloon::{Options, feature, features};

features! {
    struct Declared { MustTellHost: Optional, PageReporting: Optional, StatsVq: Optional }
}

fn main() {
    let options = Options::new(Declared).without(feature::PageReporting);
    let _ = options.without(feature::MustTellHost).without(feature::StatsVq);
}
