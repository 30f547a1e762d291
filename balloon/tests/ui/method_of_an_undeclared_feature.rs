//! A method that belongs to a feature needs the feature.
// conformance: balloon.op.6
use aerostat_balloon::transport::{InterruptStatus, Transport};
use aerostat_balloon::{Balloon, Handles, Platform, Ready, features};

features! {
    struct Declared { MustTellHost: Optional }
}

fn methods<T: Transport, P: Platform<Declared>>(balloon: &mut Balloon<Ready<T, P, Declared>>) {
    let _ = balloon.deflate_on_oom();
    let _ = balloon.service_statistics();
    let _ = balloon.service_reporting();
    let _ = balloon.service_hinting(InterruptStatus::ANY);
}

fn handle<T: Transport, P: Platform<Declared>>(handles: &mut Handles<T, P, Declared>, kernel: &mut P) {
    let _ = handles.reporting.service(kernel);
}

fn main() {}
