//! A field that depends on a feature is created from the proof that the feature was negotiated.
// conformance: core.config.4, balloon.config.2
use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, Live, Transport};

fn command<T: Transport>(device: &Device<T, balloon::Device, Live<NoFeatures>>) {
    let _ = device.config().read(config::FreePageHintCmdId);
}

fn main() {}
