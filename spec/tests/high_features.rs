//! Tests of features with bits above 63, and of shared memory regions.

use aerostat_spec::{
    Accepted, Feature as _, FeatureSet as _, FeatureTable, NegotiateError, Request, SharedMemoryRegion,
};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features {
            plain = 0 requires far,
            low = 63,
            high = 64 requires low,
            highest = 127 requires high or low,
            far = 70,
            farther = 71 requires far,
            farthest = 72 requires farther or highest,
        }
        queues { switch = 0 }
        config { both: u8 read if low or high, one: u8 read if highest }
        shared_memory { frame = 1, cache = 0 if low, store = 2 if high }
        request cmd { readable { a: u8 if high, b: u8 if high or low } }
    }
}

use lamp::feature::{Far, Farther, Farthest, High, Highest, Low, Plain};

aerostat_spec::feature_set! { struct OnlyLow for lamp { Low: Required, Plain: Optional } }
aerostat_spec::feature_set! { struct Needed for lamp { Low: Optional, High: Required } }
aerostat_spec::feature_set! { struct Chain for lamp { Far: Optional, Farther: Required } }
aerostat_spec::feature_set! { struct Undeclared for lamp { Farther: Required } }
aerostat_spec::feature_set! { struct Deep for lamp { Low: Optional, Highest: Optional, Farthest: Required, Far: Optional } }
aerostat_spec::feature_set! { struct LowOfHigh for lamp { Far: Optional, Plain: Required } }
aerostat_spec::feature_set! {
    struct All for lamp {
        Plain: Optional, Low: Optional, High: Optional, Highest: Optional, Far: Optional, Farther: Optional,
        Farthest: Optional, aerostat_spec::reserved::feature::Version1: Optional,
    }
}

const ALL: u128 = u128::MAX;

fn negotiate<S: aerostat_spec::FeatureSet>(offered: u128, supported: u128) -> Result<Accepted<S>, NegotiateError> {
    // SAFETY: the proofs are not used with a device.
    unsafe { Accepted::negotiate_wide(offered, supported) }
}

fn bits<S: aerostat_spec::FeatureSet>(accepted: &Accepted<S>) -> u128 {
    u128::from(accepted.bits()) | u128::from(accepted.high_bits()) << 64
}

#[test]
fn high_feature_is_described() {
    assert_eq!((High::BIT, Highest::BIT, High::NAME), (64, 127, "VIRTIO_LAMP_F_HIGH"));
    let low: Vec<u32> = lamp::Features::ENTRIES.iter().map(|entry| entry.bit).collect();
    assert_eq!(low, [0, 63]);
    let mask = lamp::FeatureBits::new().with::<High>().with::<Low>();
    assert_eq!(mask.into_bits(), 0b11 << 63);
    assert_eq!(format!("{mask:?}"), "{VIRTIO_LAMP_F_LOW, VIRTIO_LAMP_F_HIGH}");
}

#[test]
fn masks_of_a_set_have_the_bits_of_their_half() {
    assert_eq!((Needed::REQUIRED, Needed::DECLARED), (0, 1 << 63));
    assert_eq!((Needed::REQUIRED_HIGH, Needed::DECLARED_HIGH), (1, 1));
    assert_eq!(All::DECLARED_HIGH, 1 | 1 << 63 | 0b111 << 6);
    assert_eq!((OnlyLow::REQUIRED_HIGH, OnlyLow::DECLARED_HIGH), (0, 0));
}

#[test]
fn high_feature_is_negotiated() {
    let accepted = negotiate::<All>(ALL, ALL).expect("nothing is required");
    assert_eq!((accepted.high_bits(), accepted.offered_high()), (All::DECLARED_HIGH, u64::MAX));
    assert!(accepted.has(High) && accepted.proof(Highest).is_some());
    let proof: aerostat_spec::Negotiated<High> =
        negotiate::<Needed>(0b11 << 63, ALL).expect("it is offered").proof(High);
    let _region = lamp::shared_memory::Store::given(proof);
    let _field = lamp::config::Both::given(proof);
}

#[test]
fn high_feature_without_its_prerequisite_is_not_accepted() {
    let accepted = negotiate::<All>(ALL & !(1 << 63), ALL).expect("nothing is required");
    assert!(!accepted.has(Low) && !accepted.has(High) && !accepted.has(Highest));
    assert!(accepted.has(Farther) && accepted.has(Farthest), "the other half of the group is enough");
    // `farther` needs `far`, `farthest` needs `farther` or `highest`, which needs `low`.
    let accepted = negotiate::<All>(ALL & !(1 << 70 | 1 << 63), ALL).expect("nothing is required");
    assert_eq!(bits(&accepted), 1 << 32);
}

#[test]
fn low_feature_can_require_a_high_one() {
    assert!(negotiate::<All>(ALL, ALL).expect("nothing is required").has(Plain));
    assert!(!negotiate::<All>(ALL & !(1 << 70), ALL).expect("nothing is required").has(Plain));
    // A driver that does not declare the high feature never gets the low one, with either function.
    assert!(!negotiate::<OnlyLow>(ALL, ALL).expect("`low` is offered").has(Plain));
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<OnlyLow>::negotiate(u64::MAX, u64::MAX) }.expect("`low` is offered");
    assert_eq!((accepted.bits(), accepted.high_bits()), (1 << 63, 0));
}

#[test]
fn transport_that_does_not_reach_the_bits_is_named() {
    let low = u128::from(u64::MAX);
    let error = negotiate::<Needed>(low, low).expect_err("the feature is required");
    assert_eq!(error, NegotiateError::Unsupported { name: "VIRTIO_LAMP_F_HIGH", bit: 64 });
    assert_eq!(
        error.to_string(),
        "VIRTIO_LAMP_F_HIGH (bit 64) is required, but the transport or the driver does not support it"
    );
    let accepted = negotiate::<All>(low, low).expect("nothing is required");
    assert_eq!(bits(&accepted), 1 << 63 | 1 << 32, "optional features are left out");
}

#[test]
fn required_high_feature_must_be_offered_with_its_prerequisites() {
    let error = negotiate::<Needed>(0b10 << 64, ALL).expect_err("`high` is not offered");
    assert_eq!(error, NegotiateError::NotOffered { name: "VIRTIO_LAMP_F_HIGH", bit: 64, offered: 0b10 });
    let error = negotiate::<Needed>(0b1 << 64, ALL).expect_err("`low` is not offered");
    assert_eq!(error, NegotiateError::Prerequisite { name: "VIRTIO_LAMP_F_HIGH", bit: 64, missing: 1 << 63 });
    // The mask of missing features has no high bits, so the error is about the missing feature itself.
    let far = "VIRTIO_LAMP_F_FAR";
    let error = negotiate::<Chain>(1 << 71, ALL).expect_err("`far` is not offered");
    assert_eq!(error, NegotiateError::NotOffered { name: far, bit: 70, offered: 1 << 7 });
    let error = negotiate::<Undeclared>(ALL, ALL).expect_err("`far` is not declared");
    assert_eq!(error, NegotiateError::Unsupported { name: far, bit: 70 });
    let error = negotiate::<LowOfHigh>(1, ALL).expect_err("`far` is not offered");
    assert_eq!(error, NegotiateError::NotOffered { name: far, bit: 70, offered: 0 });
    // `farther` is not declared, and `highest` was dropped, because it lacks `low` and `high`.
    let error = negotiate::<Deep>(ALL & !(1 << 63), ALL).expect_err("`low` is not offered");
    assert_eq!(error, NegotiateError::Unsupported { name: "VIRTIO_LAMP_F_FARTHER", bit: 71 });
}

#[test]
fn required_low_feature_of_a_device_with_high_ones_must_be_offered_and_supported() {
    let name = "VIRTIO_LAMP_F_LOW";
    let error = negotiate::<OnlyLow>(1 << 64 | 1, ALL).expect_err("`low` is not offered");
    assert_eq!(error, NegotiateError::NotOffered { name, bit: 63, offered: 1 });
    let error = negotiate::<OnlyLow>(ALL, ALL & !(1 << 63)).expect_err("`low` is not supported");
    assert_eq!(error, NegotiateError::Unsupported { name, bit: 63 });
}

#[test]
fn field_of_several_features_needs_one_of_them() {
    let accepted = negotiate::<OnlyLow>(1 << 63, ALL).expect("the feature is offered");
    let _field = lamp::config::Both::given(accepted.proof(Low));
    let request = lamp::Cmd { context: lamp::CmdContext::new(&accepted), a: 1, b: 2 };
    assert_eq!(encoded(&request), [2]);
    let accepted = negotiate::<Needed>(0b11 << 63, ALL).expect("the features are offered");
    let request = lamp::Cmd { context: lamp::CmdContext::new(&accepted), a: 1, b: 2 };
    assert_eq!(encoded(&request), [1, 2]);
}

fn encoded(request: &lamp::Cmd) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut |part| bytes.extend_from_slice(part)).expect("a valid request");
    bytes
}

#[test]
fn shared_memory_region_has_an_id() {
    fn id<R: SharedMemoryRegion<Device = lamp::Device>>(_region: R) -> (u8, &'static str) {
        (R::ID, R::NAME)
    }
    let accepted = negotiate::<OnlyLow>(1 << 63, ALL).expect("the feature is offered");
    let cache = lamp::shared_memory::Cache::given(accepted.proof(Low));
    assert_eq!((id(lamp::shared_memory::Frame), id(cache)), ((1, "frame"), (0, "cache")));
}

#[test]
fn sets_without_high_features_store_nothing_about_them() {
    aerostat_spec::feature_set! { struct Balloon for aerostat_spec::balloon {} }
    assert_eq!(size_of::<Accepted<Balloon>>(), 16);
    assert_eq!(size_of::<Accepted<All>>(), 32);
}
