//! Only an optional feature can be left out.

use aerostat_balloon::{Options, feature, features};

features! {
    struct Declared { MustTellHost: Required, PageReporting: Optional }
}

fn main() {
    let options = Options::new(Declared);
    let _ = options.without(feature::PageReporting);
    let _ = options.without(feature::MustTellHost);
    let _ = options.without(feature::StatsVq);
}
