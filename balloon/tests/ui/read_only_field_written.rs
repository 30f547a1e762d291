//! `num_pages` is the host's.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, FeaturesOk, Live, Transport};

fn live<T: Transport>(device: &Device<T, balloon::Device, Live<Undeclared>>) {
    let _ = device.config().write(config::NumPages, 1);
}

fn before<T: Transport>(device: &Device<T, balloon::Device, FeaturesOk<Undeclared>>) {
    let _ = device.set(config::NumPages, 1);
}

fn main() {}
