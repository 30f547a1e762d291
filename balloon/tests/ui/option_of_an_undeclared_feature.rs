//! An option that belongs to a feature needs the feature.

use std::time::Duration;

use aerostat_balloon::{NoFeatures, Options};

fn main() {
    let _ = Options::new(NoFeatures).poison_value(0);
    let _ = Options::new(NoFeatures).oom_pages(64);
    let _ = Options::new(NoFeatures).oom_backoff(Duration::ZERO);
    let _ = Options::new(NoFeatures).report_block(4 << 20);
    let _ = Options::new(NoFeatures).hint_block(4 << 20);
}
