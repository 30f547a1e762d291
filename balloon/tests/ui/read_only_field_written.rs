//! The driver cannot write `num_pages`.

use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, FeaturesOk, Live, Transport};

fn live<T: Transport>(device: &Device<T, balloon::Device, Live<NoFeatures>>) {
    let _ = device.config().write(config::NumPages, 1);
}

fn before<T: Transport>(device: &Device<T, balloon::Device, FeaturesOk<NoFeatures>>) {
    let _ = device.set(config::NumPages, 1);
}

fn main() {}
