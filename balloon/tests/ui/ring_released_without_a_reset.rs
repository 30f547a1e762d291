//! Releasing the memory of a ring needs the proof of a reset.
// conformance: core.cleanup.2
use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon;
use aerostat_balloon::transport::queue::Enabled;
use aerostat_balloon::transport::{Device, Dma, Live, Notifier, Transport, VirtQueue};

fn live<T: Transport, N: Notifier>(
    device: &Device<T, balloon::Device, Live<NoFeatures>>,
    queue: VirtQueue<N, 16, Enabled>,
    dma: &mut impl Dma,
) -> Result<(), VirtQueue<N, 16, Enabled>> {
    queue.release(device, dma)
}

fn used_after<N: Notifier>(
    queue: VirtQueue<N, 16, Enabled>,
    proof: aerostat_balloon::transport::ResetProof,
    dma: &mut impl Dma,
) {
    let _ = queue.release(&proof, dma);
    let _ = queue.free();
}

fn main() {}
