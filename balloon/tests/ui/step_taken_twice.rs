//! Each step of the initialisation moves the device.

use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon;
use aerostat_balloon::transport::{Device, FeaturesOk, Transport};

fn twice<T: Transport>(device: Device<T, balloon::Device, FeaturesOk<NoFeatures>>) {
    let _ = device.go_live();
    let _ = device.go_live();
}

fn main() {}
