//! Reserved feature bits that this crate implements.

use aerostat_spec::Feature;
use aerostat_spec::reserved::feature::{
    AccessPlatform, EventIdx, InOrder, IndirectDesc, NotificationData, OrderPlatform, RingPacked, RingReset,
};

use crate::barrier::ORDERS_FOR_PLATFORM;

/// The bits implemented for the modern interface, besides VIRTIO_F_VERSION_1.
// conformance: construct core.feature.13: one list for the modern interface of both buses, one for the legacy
// interface
// conformance: deviation core.reserved.12: the feature is never accepted; a device must work without it
pub(super) const SUPPORTED: u64 = {
    let order_platform = if ORDERS_FOR_PLATFORM { 1 << OrderPlatform::BIT } else { 0 };
    let rings = 1 << RingPacked::BIT | 1 << InOrder::BIT | 1 << NotificationData::BIT | 1 << RingReset::BIT;
    SUPPORTED_LEGACY | rings | 1 << AccessPlatform::BIT | order_platform
};

/// The bits implemented for the legacy interface, besides VIRTIO_F_ANY_LAYOUT.
pub(super) const SUPPORTED_LEGACY: u64 = 1 << EventIdx::BIT | 1 << IndirectDesc::BIT;
