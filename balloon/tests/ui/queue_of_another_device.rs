//! A queue belongs to one type of device.

use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon::queue;
use aerostat_balloon::spec::virtio_device;
use aerostat_balloon::transport::{Device, Dma, FeaturesOk, Transport};

virtio_device! {
    /// Not a balloon.
    device test_device = 4242 {
        queues {
            /// The only queue.
            queue0 = 0,
        }
    }
}

fn mixed_up<T: Transport>(device: &mut Device<T, test_device::Device, FeaturesOk<NoFeatures>>, dma: &mut impl Dma) {
    let _ = device.queue::<_, 16>(queue::Inflate, 1, dma);
}

fn main() {}
