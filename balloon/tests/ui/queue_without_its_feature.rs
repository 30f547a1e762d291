//! A queue that depends on a feature is created from the proof that the feature was negotiated.

use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon::{self, queue};
use aerostat_balloon::transport::{Device, Dma, FeaturesOk, Transport};

fn statistics<T: Transport>(device: &mut Device<T, balloon::Device, FeaturesOk<NoFeatures>>, dma: &mut impl Dma) {
    let _ = device.queue::<_, 1>(queue::Stats, 1, dma);
}

fn main() {}
