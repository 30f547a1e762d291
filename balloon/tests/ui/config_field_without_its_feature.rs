//! A field that depends on a feature is made from the proof that the feature was negotiated.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, Live, Transport};

fn command<T: Transport>(device: &Device<T, balloon::Device, Live<Undeclared>>) {
    let _ = device.config().read(config::FreePageHintCmdId);
}

fn main() {}
