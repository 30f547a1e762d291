//! Tests of generated items.

use aerostat_spec::balloon::{self, HintCommand, Stat, StatTag};
use aerostat_spec::{Accepted, Block, Device, Feature, Field, Queue, Settable, Wire, reserved};
use zerocopy::{FromBytes as _, IntoBytes as _};

aerostat_spec::virtio_device! {
    device lamp = 63 as "VIRTIO_LMP" {
        features { timer = 50 requires dimming, dimming = 1 }
        queues { dimmer = 7 if dimming, switch = 0 }
        config { level: le16 setup, zones: [virtio16; 3] read @ 0x08, alarms: [le32; 2] write if timer @ 0x10 }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp {
        lamp::feature::Dimming: Required,
        lamp::feature::Timer: Required,
    }
}

#[test]
fn queues_are_sorted_by_index() {
    let queues: Vec<_> = lamp::Device::QUEUES.iter().map(|queue| (queue.name, queue.index, queue.needs)).collect();
    assert_eq!(queues, [("switch", 0, 0), ("dimmer", 7, 0b10)]);
    assert_eq!(lamp::queue::Dimmer::SPEC, lamp::Device::QUEUES[1]);
    let balloon: Vec<_> = balloon::Device::QUEUES.iter().map(|queue| (queue.name, queue.index, queue.needs)).collect();
    let expected = [
        ("inflate", 0, 0),
        ("deflate", 1, 0),
        ("stats", 2, 1 << 1),
        ("free_page", 3, 1 << 3),
        ("reporting", 4, 1 << 5),
    ];
    assert_eq!(balloon, expected);
}

#[test]
fn feature_has_a_name_and_prerequisites() {
    assert_eq!(lamp::feature::Timer::NAME, "VIRTIO_LMP_F_TIMER");
    assert_eq!(lamp::feature::Timer::REQUIRES, 0b10);
    assert_eq!(reserved::feature::Version1::NAME, "VIRTIO_F_VERSION_1");
}

#[test]
fn mask_and_types_have_the_same_bits() {
    use balloon::feature::{MustTellHost, PageReporting};

    let mask = balloon::FeatureBits::new().with::<MustTellHost>().with::<PageReporting>();
    assert_eq!(mask.into_bits(), (1 << MustTellHost::BIT) | (1 << PageReporting::BIT));
    assert_eq!(mask.without::<MustTellHost>().into_bits(), 1 << PageReporting::BIT);
    assert!(mask.has::<PageReporting>() && !mask.without::<PageReporting>().has::<PageReporting>());
    assert!(lamp::FeatureBits::from(1_u64 << 50).has::<lamp::feature::Timer>());
}

#[test]
fn mask_writes_the_names_of_its_features_and_the_numbers_of_other_bits() {
    assert_eq!(format!("{:?}", balloon::FeatureBits::new()), "{}");
    let mask = balloon::FeatureBits::from_bits((1 << 127) | (1 << 32) | 0b10);
    assert_eq!(format!("{mask:?}"), "{VIRTIO_BALLOON_F_STATS_VQ, 32, 127}");
}

#[test]
fn array_elements_follow_each_other() {
    assert_eq!(lamp::config::Zones::all().map(Field::offset), [8, 10, 12]);
    assert_eq!(lamp::config::Zones::at(2).map(|zone| (zone.index(), zone.offset())), Some((2, 12)));
    assert_eq!(lamp::config::Zones::at(3), None);
    assert_eq!(<lamp::config::Space as Block>::LEN, 24);
}

#[test]
fn proof_gives_access_to_a_field_and_a_queue() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(u64::MAX, u64::MAX) }.expect("all features are offered");
    let alarms = lamp::config::Alarms::given(accepted.proof(lamp::feature::Timer));
    assert_eq!(alarms.map(Field::offset), [0x10, 0x14]);
    let dimmer = lamp::queue::Dimmer::given(accepted.proof(lamp::feature::Dimming));
    assert_eq!(format!("{dimmer:?}"), "Dimmer { negotiated: () }");
}

#[test]
fn setup_field_is_settable() {
    fn width<F: Settable>(_field: F) -> usize {
        <F::Wire as Wire>::WIDTH
    }
    assert_eq!(width(lamp::config::Level), 2);
    assert_eq!(width(balloon::config::Actual), 4);
}

#[test]
fn structure_has_the_byte_order_of_the_interface() {
    let modern = Stat::<zerocopy::LittleEndian>::new(StatTag::FreeMemory, 0x0102_0304_0506_0708);
    assert_eq!(modern.as_bytes(), [4, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
    let other = Stat::<zerocopy::BigEndian>::new(StatTag::FreeMemory, 0x0102_0304_0506_0708);
    assert_eq!(other.as_bytes(), [0, 4, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(Stat::<zerocopy::LittleEndian>::read_from_bytes(modern.as_bytes()), Ok(modern));
}

#[test]
fn enum_keeps_all_values() {
    for raw in 0..=u16::MAX {
        let tag = StatTag::from_raw(raw);
        assert_eq!(tag.to_raw(), raw);
        assert_eq!(matches!(tag, StatTag::Unknown(_)), raw > 15);
    }
    assert_eq!(StatTag::ALL.len(), 16);
    assert_eq!(HintCommand::from(1), HintCommand::Done);
    assert_eq!(u32::from(HintCommand::Round(7)), 7);
}

#[test]
fn enum_displays_the_name_in_the_description() {
    assert_eq!(StatTag::DirectReclaims.to_string(), "direct_reclaims");
    assert_eq!(StatTag::Unknown(99).to_string(), "unknown (99)");
}
