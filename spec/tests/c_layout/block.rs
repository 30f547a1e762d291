//! `<linux/virtio_blk.h>` and `<linux/virtio_ids.h>`. Older headers lack lifetime and zones, so these are not checked.

use core::mem::offset_of;

use aerostat_spec::Device as _;
use aerostat_spec::block::{
    BARRIER, Device, ID_BYTES, RequestHeader, RequestStatus, RequestType, Segment, SegmentFlags, config, feature,
};

use crate::{at, cc, feature, feature_as, offset, to_u64};

const HEADERS: [&str; 2] = ["linux/virtio_blk.h", "linux/virtio_ids.h"];

#[test]
fn configuration_space_matches_linux() {
    let claims = [
        offset("offsetof(struct virtio_blk_config, capacity)", config::Capacity),
        at::<config::SizeMax>("offsetof(struct virtio_blk_config, size_max)"),
        at::<config::SegMax>("offsetof(struct virtio_blk_config, seg_max)"),
        at::<config::Cylinders>("offsetof(struct virtio_blk_config, geometry.cylinders)"),
        at::<config::Heads>("offsetof(struct virtio_blk_config, geometry.heads)"),
        at::<config::Sectors>("offsetof(struct virtio_blk_config, geometry.sectors)"),
        at::<config::BlkSize>("offsetof(struct virtio_blk_config, blk_size)"),
        at::<config::PhysicalBlockExp>("offsetof(struct virtio_blk_config, physical_block_exp)"),
        at::<config::AlignmentOffset>("offsetof(struct virtio_blk_config, alignment_offset)"),
        at::<config::MinIoSize>("offsetof(struct virtio_blk_config, min_io_size)"),
        at::<config::OptIoSize>("offsetof(struct virtio_blk_config, opt_io_size)"),
        at::<config::Writeback>("offsetof(struct virtio_blk_config, wce)"),
        at::<config::NumQueues>("offsetof(struct virtio_blk_config, num_queues)"),
        at::<config::MaxDiscardSectors>("offsetof(struct virtio_blk_config, max_discard_sectors)"),
        at::<config::MaxDiscardSeg>("offsetof(struct virtio_blk_config, max_discard_seg)"),
        at::<config::DiscardSectorAlignment>("offsetof(struct virtio_blk_config, discard_sector_alignment)"),
        at::<config::MaxWriteZeroesSectors>("offsetof(struct virtio_blk_config, max_write_zeroes_sectors)"),
        at::<config::MaxWriteZeroesSeg>("offsetof(struct virtio_blk_config, max_write_zeroes_seg)"),
        at::<config::WriteZeroesMayUnmap>("offsetof(struct virtio_blk_config, write_zeroes_may_unmap)"),
        at::<config::MaxSecureEraseSectors>("offsetof(struct virtio_blk_config, max_secure_erase_sectors)"),
        at::<config::MaxSecureEraseSeg>("offsetof(struct virtio_blk_config, max_secure_erase_seg)"),
        at::<config::SecureEraseSectorAlignment>("offsetof(struct virtio_blk_config, secure_erase_sector_alignment)"),
        at::<config::ZoneSectors>("offsetof(struct virtio_blk_config, secure_erase_sector_alignment) + 4"),
    ];
    cc::check("block_config", &HEADERS, &claims);
}

#[test]
fn features_and_device_id_match_linux() {
    let claims = [
        ("VIRTIO_ID_BLOCK", Device::ID.0.into()),
        feature(feature::Barrier),
        feature(feature::SizeMax),
        feature(feature::SegMax),
        feature(feature::Geometry),
        feature(feature::Ro),
        feature(feature::BlkSize),
        feature(feature::Scsi),
        feature(feature::Flush),
        feature_as("VIRTIO_BLK_F_WCE", feature::Flush),
        feature(feature::Topology),
        feature(feature::ConfigWce),
        feature(feature::Mq),
        feature(feature::Discard),
        feature(feature::WriteZeroes),
        feature(feature::SecureErase),
    ];
    cc::check("block_features", &HEADERS, &claims);
}

#[test]
fn request_layout_matches_linux() {
    let claims = [
        ("sizeof(struct virtio_blk_outhdr)", to_u64(size_of::<RequestHeader>())),
        ("offsetof(struct virtio_blk_outhdr, type)", to_u64(offset_of!(RequestHeader, r#type))),
        ("offsetof(struct virtio_blk_outhdr, ioprio)", to_u64(offset_of!(RequestHeader, reserved))),
        ("offsetof(struct virtio_blk_outhdr, sector)", to_u64(offset_of!(RequestHeader, sector))),
        ("sizeof(struct virtio_blk_discard_write_zeroes)", to_u64(size_of::<Segment>())),
        ("offsetof(struct virtio_blk_discard_write_zeroes, sector)", to_u64(offset_of!(Segment, sector))),
        ("offsetof(struct virtio_blk_discard_write_zeroes, num_sectors)", to_u64(offset_of!(Segment, num_sectors))),
        ("offsetof(struct virtio_blk_discard_write_zeroes, flags)", to_u64(offset_of!(Segment, flags))),
        ("VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP", SegmentFlags::new().with_unmap(true).into_bits().into()),
        ("VIRTIO_BLK_ID_BYTES", to_u64(ID_BYTES)),
    ];
    cc::check("block_requests", &HEADERS, &claims);
}

#[test]
fn values_match_linux() {
    let request = |expression, request: RequestType| (expression, request.to_raw().into());
    let status = |expression, status: RequestStatus| (expression, status.to_raw().into());
    let claims = [
        request("VIRTIO_BLK_T_IN", RequestType::Read),
        request("VIRTIO_BLK_T_OUT", RequestType::Write),
        request("VIRTIO_BLK_T_SCSI_CMD", RequestType::ScsiCmd),
        request("VIRTIO_BLK_T_FLUSH", RequestType::Flush),
        request("VIRTIO_BLK_T_GET_ID", RequestType::GetId),
        request("VIRTIO_BLK_T_DISCARD", RequestType::Discard),
        request("VIRTIO_BLK_T_WRITE_ZEROES", RequestType::WriteZeroes),
        request("VIRTIO_BLK_T_SECURE_ERASE", RequestType::SecureErase),
        ("VIRTIO_BLK_T_BARRIER", BARRIER.into()),
        status("VIRTIO_BLK_S_OK", RequestStatus::Ok),
        status("VIRTIO_BLK_S_IOERR", RequestStatus::IoError),
        status("VIRTIO_BLK_S_UNSUPP", RequestStatus::Unsupported),
    ];
    cc::check("block_values", &HEADERS, &claims);
}
