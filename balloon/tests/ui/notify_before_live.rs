//! The driver notifies a queue only after DRIVER_OK.
// conformance: core.init.14
use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon::{self, queue};
use aerostat_balloon::transport::{Device, Dma, FeaturesOk, QueueError, Transport};

fn too_early<T: Transport>(
    device: &mut Device<T, balloon::Device, FeaturesOk<NoFeatures>>,
    dma: &mut impl Dma,
) -> Result<(), QueueError> {
    let mut queue = device.queue::<_, 16>(queue::Inflate, 1, dma)?;
    queue.notify();
    let mut buffers = device.buffer_queue::<_, 16>(queue::Deflate, 1, 64, dma)?;
    buffers.notify();
    Ok(())
}

fn main() {}
