//! Resetting a queue needs the proof that RING_RESET was negotiated.
// conformance: core.vqreset.1
use aerostat_balloon::NoFeatures;
use aerostat_balloon::spec::balloon;
use aerostat_balloon::spec::reserved::feature::RingReset;
use aerostat_balloon::transport::queue::Enabled;
use aerostat_balloon::transport::{Device, Io, Live, Mmio, MmioNotifier, Spin, VirtQueue};

fn reset<I: Io>(
    device: &mut Device<Mmio<I>, balloon::Device, Live<NoFeatures>>,
    queue: &mut VirtQueue<MmioNotifier<I>, 16, Enabled>,
    wait: &mut Spin,
) {
    let _ = device.reset_queue(device.accepted().proof(RingReset), queue, wait);
}

fn main() {}
