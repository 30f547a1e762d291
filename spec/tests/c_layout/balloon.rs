//! `<linux/virtio_balloon.h>` and `<linux/virtio_ids.h>`.

use core::mem::offset_of;

use aerostat_spec::Device as _;
use aerostat_spec::balloon::{Device, HintCommand, PFN_SHIFT, Stat, StatTag, config, feature};

use crate::{at, cc, feature, feature_as, len, offset, to_u64};

const HEADERS: [&str; 2] = ["linux/virtio_balloon.h", "linux/virtio_ids.h"];

#[test]
fn configuration_space_matches_linux() {
    let claims = [
        len::<config::Space>("sizeof(struct virtio_balloon_config)"),
        offset("offsetof(struct virtio_balloon_config, num_pages)", config::NumPages),
        offset("offsetof(struct virtio_balloon_config, actual)", config::Actual),
        at::<config::FreePageHintCmdId>("offsetof(struct virtio_balloon_config, free_page_hint_cmd_id)"),
        at::<config::PoisonVal>("offsetof(struct virtio_balloon_config, poison_val)"),
    ];
    cc::check("balloon_config", &HEADERS, &claims);
}

#[test]
fn features_and_device_id_match_linux() {
    let claims = [
        ("VIRTIO_ID_BALLOON", Device::ID.0.into()),
        feature(feature::MustTellHost),
        feature(feature::StatsVq),
        feature(feature::DeflateOnOom),
        feature(feature::FreePageHint),
        feature(feature::PagePoison),
        feature_as("VIRTIO_BALLOON_F_REPORTING", feature::PageReporting),
    ];
    cc::check("balloon_features", &HEADERS, &claims);
}

#[test]
fn statistic_layout_matches_linux() {
    let claims = [
        ("sizeof(struct virtio_balloon_stat)", to_u64(size_of::<Stat>())),
        ("offsetof(struct virtio_balloon_stat, tag)", to_u64(offset_of!(Stat, tag))),
        ("offsetof(struct virtio_balloon_stat, val)", to_u64(offset_of!(Stat, val))),
    ];
    cc::check("balloon_stat", &HEADERS, &claims);
}

#[test]
fn values_match_linux() {
    let tag = |expression, tag: StatTag| (expression, tag.to_raw().into());
    let claims = [
        tag("VIRTIO_BALLOON_S_SWAP_IN", StatTag::SwapIn),
        tag("VIRTIO_BALLOON_S_SWAP_OUT", StatTag::SwapOut),
        tag("VIRTIO_BALLOON_S_MAJFLT", StatTag::MajorFaults),
        tag("VIRTIO_BALLOON_S_MINFLT", StatTag::MinorFaults),
        tag("VIRTIO_BALLOON_S_MEMFREE", StatTag::FreeMemory),
        tag("VIRTIO_BALLOON_S_MEMTOT", StatTag::TotalMemory),
        tag("VIRTIO_BALLOON_S_AVAIL", StatTag::AvailableMemory),
        tag("VIRTIO_BALLOON_S_CACHES", StatTag::DiskCaches),
        tag("VIRTIO_BALLOON_S_HTLB_PGALLOC", StatTag::HugetlbAllocations),
        tag("VIRTIO_BALLOON_S_HTLB_PGFAIL", StatTag::HugetlbFailures),
        ("VIRTIO_BALLOON_PFN_SHIFT", PFN_SHIFT.into()),
        ("VIRTIO_BALLOON_CMD_ID_STOP", HintCommand::Stop.to_raw().into()),
        ("VIRTIO_BALLOON_CMD_ID_DONE", HintCommand::Done.to_raw().into()),
    ];
    cc::check("balloon_values", &HEADERS, &claims);
}
