//! Queues are set up before DRIVER_OK.
// conformance: core.init.10
use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon::{self, queue};
use aerostat_balloon::transport::{Device, Dma, Live, Transport};

fn too_late<T: Transport>(mut device: Device<T, balloon::Device, Live<NoFeatures>>, dma: &mut impl Dma) {
    let _ = device.queue::<_, 16>(queue::Inflate, 1, dma);
}

fn main() {}
