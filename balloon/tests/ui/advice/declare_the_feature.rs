//! Adds the feature to the feature set.
//!
//! * option_of_an_undeclared_feature: declare it: add `PagePoison: Optional` or `PagePoison: Required` to the feature set
//! * option_of_an_undeclared_feature: declare it: add `DeflateOnOom: Optional` or `DeflateOnOom: Required` to the feature set
//! * option_of_an_undeclared_feature: declare it: add `PageReporting: Optional` or `PageReporting: Required` to the feature set
//! * option_of_an_undeclared_feature: declare it: add `FreePageHint: Optional` or `FreePageHint: Required` to the feature set
//! * method_of_an_undeclared_feature: declare it: add `DeflateOnOom: Optional` or `DeflateOnOom: Required` to the feature set
//! * method_of_an_undeclared_feature: declare it: add `StatsVq: Optional` or `StatsVq: Required` to the feature set
//! * method_of_an_undeclared_feature: declare it: add `PageReporting: Optional` or `PageReporting: Required` to the feature set
//! * method_of_an_undeclared_feature: declare it: add `FreePageHint: Optional` or `FreePageHint: Required` to the feature set
//! * proof_of_an_undeclared_feature: declare it: add `PagePoison: Optional` or `PagePoison: Required` to the feature set

use std::time::Duration;

use aerostat_balloon::transport::{InterruptStatus, Transport};
use aerostat_balloon::{Balloon, Handles, Options, Platform, Ready, features};

features! {
    struct Required {
        PagePoison: Required,
        DeflateOnOom: Required,
        StatsVq: Required,
        PageReporting: Required,
        FreePageHint: Required,
    }
}
features! {
    struct Optional {
        PagePoison: Optional,
        DeflateOnOom: Optional,
        StatsVq: Optional,
        PageReporting: Optional,
        FreePageHint: Optional,
    }
}

macro_rules! follow {
    ($set:ident, $function:ident) => {
        fn $function<T: Transport, P: Platform<$set>>(
            balloon: &mut Balloon<Ready<T, P, $set>>,
            _handles: &mut Handles<T, P, $set>,
            _kernel: &mut P,
        ) {
            let options = Options::new($set).poison_value(0).oom_pages(64).oom_backoff(Duration::ZERO);
            let _ = options.report_block(4 << 20).hint_block(4 << 20);
            let _ = balloon.deflate_on_oom();
            let _ = balloon.service_statistics();
            let _ = balloon.service_reporting();
            let _ = balloon.service_hinting(InterruptStatus::ANY);
        }
    };
}

follow!(Required, required);
follow!(Optional, optional);

fn handle<T: Transport, P: Platform<Required>>(handles: &mut Handles<T, P, Required>, kernel: &mut P) {
    let _ = handles.reporting.service(kernel);
}

fn main() {}
