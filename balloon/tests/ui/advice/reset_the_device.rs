//! Resets the device, where a single queue cannot be reset.
//!
//! * queue_reset_on_the_legacy_interface: reset the whole device with `Device::reset`

use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon;
use aerostat_balloon::transport::{Device, Io, LegacyMmio, Live};

fn reset<I: Io>(device: Device<LegacyMmio<I>, balloon::Device, Live<NoFeatures>>) {
    let _ = Device::reset(device);
}

fn main() {}
