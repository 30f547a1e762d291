//! The configuration is not written before FEATURES_OK.
// conformance: core.init.5
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, Negotiating, Transport};

fn too_early<T: Transport>(device: Device<T, balloon::Device, Negotiating>) {
    let _ = device.set(config::Actual, 0);
}

fn main() {}
