//! Queues are set up after FEATURES_OK.
// conformance: core.init.10
use aerostat_balloon::spec::balloon::{self, queue};
use aerostat_balloon::transport::{Device, Dma, SetupFailed, Transport};

fn too_early<T: Transport>(transport: T, dma: &mut impl Dma) -> Result<(), SetupFailed<T>> {
    let mut device = Device::<T, balloon::Device, _>::take(transport)?.poll()?.acknowledge().driver();
    let _ = device.queue::<_, 16>(queue::Inflate, 1, dma);
    Ok(())
}

fn main() {}
