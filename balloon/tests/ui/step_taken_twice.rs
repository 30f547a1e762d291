//! Each step consumes the last.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::balloon;
use aerostat_balloon::transport::{Device, FeaturesOk, Transport};

fn twice<T: Transport>(device: Device<T, balloon::Device, FeaturesOk<Undeclared>>) {
    let _ = device.go_live();
    let _ = device.go_live();
}

fn main() {}
