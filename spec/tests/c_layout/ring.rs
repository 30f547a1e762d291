//! `<linux/virtio_ring.h>` and `<linux/virtio_config.h>`.

use core::mem::offset_of;

use aerostat_spec::reserved::feature as reserved;
use aerostat_spec::ring::{
    Avail, AvailFlags, Desc, DescFlags, EventFlags, EventMode, EventPosition, EventSuppress, PackedDesc, Used,
    UsedElem, UsedFlags,
};
use aerostat_spec::status::Status;

use crate::{cc, feature, feature_as, to_u64};

const HEADERS: [&str; 2] = ["linux/virtio_ring.h", "linux/virtio_config.h"];

macro_rules! structure {
    ($c:literal is $rust:ty: $($c_field:ident is $field:ident),+) => {
        vec![
            (concat!("sizeof(struct ", $c, ")"), to_u64(size_of::<$rust>())),
            $((concat!("offsetof(struct ", $c, ", ", stringify!($c_field), ")"), to_u64(offset_of!($rust, $field)))),+
        ]
    };
}

#[test]
fn split_ring_layout_matches_linux() {
    let mut claims = structure!("vring_desc" is Desc: addr is addr, len is len, flags is flags, next is next);
    claims.extend(structure!("vring_avail" is Avail: flags is flags, idx is idx));
    claims.extend(structure!("vring_used" is Used: flags is flags, idx is idx));
    claims.extend(structure!("vring_used_elem" is UsedElem: id is id, len is len));
    claims.push(("offsetof(struct vring_avail, ring)", to_u64(size_of::<Avail>())));
    claims.push(("offsetof(struct vring_used, ring)", to_u64(size_of::<Used>())));
    cc::check("ring_split", &HEADERS, &claims);
}

#[test]
fn packed_ring_layout_matches_linux() {
    let mut claims = structure!("vring_packed_desc" is PackedDesc: addr is addr, len is len, id is id, flags is flags);
    claims.extend(structure!("vring_packed_desc_event" is EventSuppress: off_wrap is desc, flags is flags));
    cc::check("ring_packed", &HEADERS, &claims);
}

#[test]
fn ring_flags_match_linux() {
    let desc = |flags: DescFlags| u64::from(flags.into_bits());
    let mode = |mode: EventMode| u64::from(EventFlags::new().with_mode(mode.to_raw()).into_bits());
    let claims = [
        ("VRING_DESC_F_NEXT", desc(DescFlags::new().with_next(true))),
        ("VRING_DESC_F_WRITE", desc(DescFlags::new().with_write(true))),
        ("VRING_DESC_F_INDIRECT", desc(DescFlags::new().with_indirect(true))),
        ("1 << VRING_PACKED_DESC_F_AVAIL", desc(DescFlags::new().with_avail(true))),
        ("1 << VRING_PACKED_DESC_F_USED", desc(DescFlags::new().with_used(true))),
        ("VRING_AVAIL_F_NO_INTERRUPT", AvailFlags::new().with_no_interrupt(true).into_bits().into()),
        ("VRING_USED_F_NO_NOTIFY", UsedFlags::new().with_no_notify(true).into_bits().into()),
        ("VRING_PACKED_EVENT_FLAG_ENABLE", mode(EventMode::Enable)),
        ("VRING_PACKED_EVENT_FLAG_DISABLE", mode(EventMode::Disable)),
        ("VRING_PACKED_EVENT_FLAG_DESC", mode(EventMode::Desc)),
        ("1 << VRING_PACKED_EVENT_F_WRAP_CTR", EventPosition::new().with_wrap(true).into_bits().into()),
    ];
    cc::check("ring_flags", &HEADERS, &claims);
}

#[test]
fn reserved_features_match_linux() {
    let claims = [
        feature(reserved::NotifyOnEmpty),
        feature(reserved::AnyLayout),
        feature_as("VIRTIO_RING_F_INDIRECT_DESC", reserved::IndirectDesc),
        feature_as("VIRTIO_RING_F_EVENT_IDX", reserved::EventIdx),
        feature(reserved::Version1),
        feature(reserved::AccessPlatform),
        feature(reserved::RingPacked),
        feature(reserved::InOrder),
        feature(reserved::OrderPlatform),
        feature(reserved::SrIov),
        feature(reserved::RingReset),
    ];
    cc::check("reserved_features", &HEADERS, &claims);
}

#[test]
fn status_bits_match_linux() {
    let claims = [
        ("VIRTIO_CONFIG_S_ACKNOWLEDGE", Status::new().with_acknowledge(true)),
        ("VIRTIO_CONFIG_S_DRIVER", Status::new().with_driver(true)),
        ("VIRTIO_CONFIG_S_DRIVER_OK", Status::new().with_driver_ok(true)),
        ("VIRTIO_CONFIG_S_FEATURES_OK", Status::new().with_features_ok(true)),
        ("VIRTIO_CONFIG_S_NEEDS_RESET", Status::new().with_needs_reset(true)),
        ("VIRTIO_CONFIG_S_FAILED", Status::new().with_failed(true)),
    ];
    cc::check("status", &HEADERS, &claims.map(|(expression, status)| (expression, status.into_bits().into())));
}
