//! The steps of the initialisation have one order: core.init.1 to core.init.11.

use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon;
use aerostat_balloon::transport::{Acknowledged, Device, FeaturesOk, Live, Negotiating, Reset, Transport};

fn skip_acknowledge<T: Transport>(device: Device<T, balloon::Device, Reset>) {
    device.driver();
}

fn skip_driver<T: Transport>(device: Device<T, balloon::Device, Acknowledged>) {
    let _ = device.negotiate::<NoFeatures>();
}

fn skip_features<T: Transport>(device: Device<T, balloon::Device, Negotiating>) {
    device.go_live();
}

fn negotiate_twice<T: Transport>(device: Device<T, balloon::Device, FeaturesOk<NoFeatures>>) {
    let _ = device.negotiate::<NoFeatures>();
}

fn live_twice<T: Transport>(device: Device<T, balloon::Device, Live<NoFeatures>>) {
    device.go_live();
}

fn main() {}
