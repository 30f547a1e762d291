//! Advice of `required_feature_left_out`: declare the feature as optional.

use aerostat_balloon::{Options, feature, features};

features! {
    struct Declared { MustTellHost: Optional, PageReporting: Optional, StatsVq: Optional }
}

fn main() {
    let options = Options::new(Declared).without(feature::PageReporting);
    let _ = options.without(feature::MustTellHost).without(feature::StatsVq);
}
