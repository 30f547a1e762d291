//! A queue that depends on a feature is made from the proof that the feature was negotiated.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::balloon::{self, queue};
use aerostat_balloon::transport::{Device, Dma, FeaturesOk, Transport};

fn statistics<T: Transport>(device: &mut Device<T, balloon::Device, FeaturesOk<Undeclared>>, dma: &mut impl Dma) {
    let _ = device.queue::<_, 1>(queue::Stats, 1, dma);
}

fn main() {}
