//! A queue belongs to one type of device.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::balloon::queue;
use aerostat_balloon::spec::virtio_device;
use aerostat_balloon::transport::{Device, Dma, FeaturesOk, Transport};

virtio_device! {
    /// Not a balloon.
    device kite = 4242 {
        queues {
            /// The line.
            line = 0,
        }
    }
}

fn mixed_up<T: Transport>(device: &mut Device<T, kite::Device, FeaturesOk<Undeclared>>, dma: &mut impl Dma) {
    let _ = device.queue::<_, 16>(queue::Inflate, 1, dma);
}

fn main() {}
