//! The feature bits that the device model implements.

use virtio_bindings::virtio_config::{
    VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_IN_ORDER, VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_ORDER_PLATFORM,
    VIRTIO_F_RING_PACKED, VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

/// `VIRTIO_BALLOON_F_MUST_TELL_HOST`.
pub const MUST_TELL_HOST: u64 = 1 << 0;
/// `VIRTIO_BALLOON_F_STATS_VQ`.
pub const STATS_VQ: u64 = 1 << 1;
/// `VIRTIO_BALLOON_F_DEFLATE_ON_OOM`.
pub const DEFLATE_ON_OOM: u64 = 1 << 2;
/// `VIRTIO_BALLOON_F_FREE_PAGE_HINT`.
pub const FREE_PAGE_HINT: u64 = 1 << 3;
/// `VIRTIO_BALLOON_F_PAGE_POISON`.
pub const PAGE_POISON: u64 = 1 << 4;
/// `VIRTIO_BALLOON_F_PAGE_REPORTING`; Linux calls it `VIRTIO_BALLOON_F_REPORTING`.
pub const PAGE_REPORTING: u64 = 1 << 5;
/// All features of the balloon.
pub const BALLOON: u64 = MUST_TELL_HOST | STATS_VQ | DEFLATE_ON_OOM | FREE_PAGE_HINT | PAGE_POISON | PAGE_REPORTING;
/// The features that the legacy interface can express: bits 0 to 31.
pub const LEGACY: u64 = u32::MAX as u64;
/// `VIRTIO_F_INDIRECT_DESC`.
pub const INDIRECT_DESC: u64 = 1 << VIRTIO_RING_F_INDIRECT_DESC;
/// `VIRTIO_F_EVENT_IDX`.
pub const EVENT_IDX: u64 = 1 << VIRTIO_RING_F_EVENT_IDX;
/// `VIRTIO_F_VERSION_1`.
pub const VERSION_1: u64 = 1 << VIRTIO_F_VERSION_1;
/// `VIRTIO_F_ACCESS_PLATFORM`: the device is behind an IOMMU and rejects drivers that do not accept the feature.
pub const ACCESS_PLATFORM: u64 = 1 << VIRTIO_F_ACCESS_PLATFORM;
/// `VIRTIO_F_RING_PACKED`: packed rings instead of split rings.
pub const RING_PACKED: u64 = 1 << VIRTIO_F_RING_PACKED;
/// `VIRTIO_F_IN_ORDER`: the device uses buffers in the order in which they were made available.
pub const IN_ORDER: u64 = 1 << VIRTIO_F_IN_ORDER;
/// `VIRTIO_F_ORDER_PLATFORM`: no effect for a device in this process.
pub const ORDER_PLATFORM: u64 = 1 << VIRTIO_F_ORDER_PLATFORM;
/// `VIRTIO_F_NOTIFICATION_DATA`: notifications contain the position of the next available buffer.
pub const NOTIFICATION_DATA: u64 = 1 << VIRTIO_F_NOTIFICATION_DATA;
/// `VIRTIO_F_RING_RESET`: the driver can reset a single queue.
pub const RING_RESET: u64 = 1 << VIRTIO_F_RING_RESET;
