//! The legacy interface cannot reset a single queue.
// conformance: core.legacy-feature.2
use aerostat_balloon::spec::reserved::feature::RingReset;
use aerostat_balloon::spec::{self, balloon};
use aerostat_balloon::transport::queue::Enabled;
use aerostat_balloon::transport::{Device, Io, LegacyMmio, Live, MmioNotifier, Spin, VirtQueue};

spec::feature_set! {
    struct Declared for spec::balloon { RingReset: Required }
}

fn reset<I: Io>(
    device: &mut Device<LegacyMmio<I>, balloon::Device, Live<Declared>>,
    queue: &mut VirtQueue<MmioNotifier<I>, 16, Enabled>,
    wait: &mut Spin,
) {
    let proof = device.accepted().proof(RingReset);
    let _ = device.reset_queue(proof, queue, wait);
}

fn main() {}
