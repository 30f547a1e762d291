//! The legacy interface resets queues together with their device only: core.legacy-feature.2.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::reserved::feature::RingReset;
use aerostat_balloon::spec::{Required, WithFeature, balloon};
use aerostat_balloon::transport::queue::Enabled;
use aerostat_balloon::transport::{Device, Io, LegacyMmio, Live, MmioNotifier, VirtQueue};

type Declared = <Undeclared as WithFeature<RingReset, Required>>::Out;

fn reset<I: Io>(
    device: &mut Device<LegacyMmio<I>, balloon::Device, Live<Declared>>,
    queue: VirtQueue<MmioNotifier<I>, 16, Enabled>,
) {
    let proof = device.accepted().proof(RingReset);
    let _ = device.reset_queue(proof, queue);
}

fn main() {}
