//! Tests of features with bits above 63, and of shared memory regions.

use aerostat_spec::{Accepted, Device, FeatureTable, HighFeature, Request, SharedMemoryRegion};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { low = 63, high = 64 requires low, highest = 127 requires high or low }
        queues { plain = 0, rare = 1 if high }
        config { both: u8 read if low or high, one: u8 read if highest }
        shared_memory { frame = 1, cache = 0 if low }
        request cmd { readable { a: u8 if high, b: u8 if high or low } }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp { lamp::feature::Low: Required }
}

#[test]
fn high_feature_is_described_and_not_negotiated() {
    assert_eq!((lamp::feature::High::BIT, lamp::feature::Highest::BIT), (64, 127));
    assert_eq!(lamp::feature::High::NAME, "VIRTIO_LAMP_F_HIGH");
    let negotiable: Vec<u32> = lamp::Features::ENTRIES.iter().map(|entry| entry.bit).collect();
    assert_eq!(negotiable, [63]);
    let rare = lamp::Device::QUEUES.iter().find(|queue| queue.name == "rare").expect("the queue is listed");
    assert_eq!(rare.needs, u64::MAX, "no set of negotiated features has the queue");
}

#[test]
fn field_of_several_features_needs_one_that_can_be_negotiated() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(1 << 63, u64::MAX) }.expect("the feature is offered");
    let _field = lamp::config::Both::given(accepted.proof(lamp::feature::Low));
    let request = lamp::Cmd { context: lamp::CmdContext::new(&accepted), a: 1, b: 2 };
    let mut bytes = Vec::new();
    request.encode(&mut |part| bytes.extend_from_slice(part)).expect("a valid request");
    assert_eq!(bytes, [2]);
}

#[test]
fn shared_memory_region_has_an_id() {
    fn id<R: SharedMemoryRegion<Device = lamp::Device>>(_region: R) -> (u8, &'static str) {
        (R::ID, R::NAME)
    }
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(1 << 63, u64::MAX) }.expect("the feature is offered");
    let cache = lamp::shared_memory::Cache::given(accepted.proof(lamp::feature::Low));
    assert_eq!((id(lamp::shared_memory::Frame), id(cache)), ((1, "frame"), (0, "cache")));
}
