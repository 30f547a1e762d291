//! The steps of the initialisation have one order.
// conformance: core.status.1, core.feature.14, core.init.2, core.init.3, core.init.4, core.init.7, core.init.8
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
