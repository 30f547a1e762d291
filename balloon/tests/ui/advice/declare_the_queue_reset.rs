//! Declares the feature of queue resets, which the balloon itself does not use.
//!
//! * queue_reset_without_its_feature: declare it: add `RingReset: Optional` or `RingReset: Required` to the feature set

use aerostat_balloon::spec::reserved::feature::RingReset;
use aerostat_balloon::spec::{balloon, feature_set};
use aerostat_balloon::transport::queue::Enabled;
use aerostat_balloon::transport::{Device, Io, Live, Mmio, MmioNotifier, Spin, VirtQueue};

feature_set! {
    struct WithRequired for balloon { RingReset: Required }
}
feature_set! {
    struct WithOptional for balloon { RingReset: Optional }
}

fn required<I: Io>(
    device: &mut Device<Mmio<I>, balloon::Device, Live<WithRequired>>,
    queue: &mut VirtQueue<MmioNotifier<I>, 16, Enabled>,
    wait: &mut Spin,
) {
    let _ = device.reset_queue(device.accepted().proof(RingReset), queue, wait);
}

fn optional<I: Io>(
    device: &mut Device<Mmio<I>, balloon::Device, Live<WithOptional>>,
    queue: &mut VirtQueue<MmioNotifier<I>, 16, Enabled>,
    wait: &mut Spin,
) {
    if let Some(proof) = device.accepted().proof(RingReset) {
        let _ = device.reset_queue(proof, queue, wait);
    }
}

fn main() {}
