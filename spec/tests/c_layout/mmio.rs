//! `<linux/virtio_mmio.h>`.

use aerostat_spec::mmio::{CONFIG_OFFSET, Interrupt, legacy, modern};

use crate::{cc, offset, to_u64};

const HEADERS: [&str; 1] = ["linux/virtio_mmio.h"];

#[test]
fn registers_match_linux() {
    let claims = [
        offset("VIRTIO_MMIO_MAGIC_VALUE", modern::MagicValue),
        offset("VIRTIO_MMIO_VERSION", modern::Version),
        offset("VIRTIO_MMIO_DEVICE_ID", modern::DeviceId),
        offset("VIRTIO_MMIO_VENDOR_ID", modern::VendorId),
        offset("VIRTIO_MMIO_DEVICE_FEATURES", modern::DeviceFeatures),
        offset("VIRTIO_MMIO_DEVICE_FEATURES_SEL", modern::DeviceFeaturesSel),
        offset("VIRTIO_MMIO_DRIVER_FEATURES", modern::DriverFeatures),
        offset("VIRTIO_MMIO_DRIVER_FEATURES_SEL", modern::DriverFeaturesSel),
        offset("VIRTIO_MMIO_QUEUE_SEL", modern::QueueSel),
        offset("VIRTIO_MMIO_QUEUE_NUM_MAX", modern::QueueSizeMax),
        offset("VIRTIO_MMIO_QUEUE_NUM", modern::QueueSize),
        offset("VIRTIO_MMIO_QUEUE_READY", modern::QueueReady),
        offset("VIRTIO_MMIO_QUEUE_NOTIFY", modern::QueueNotify),
        offset("VIRTIO_MMIO_INTERRUPT_STATUS", modern::InterruptStatus),
        offset("VIRTIO_MMIO_INTERRUPT_ACK", modern::InterruptAck),
        offset("VIRTIO_MMIO_STATUS", modern::Status),
        offset("VIRTIO_MMIO_QUEUE_DESC_LOW", modern::QueueDesc),
        offset("VIRTIO_MMIO_QUEUE_DESC_HIGH - 4", modern::QueueDesc),
        offset("VIRTIO_MMIO_QUEUE_AVAIL_LOW", modern::QueueDriver),
        offset("VIRTIO_MMIO_QUEUE_AVAIL_HIGH - 4", modern::QueueDriver),
        offset("VIRTIO_MMIO_QUEUE_USED_LOW", modern::QueueDevice),
        offset("VIRTIO_MMIO_QUEUE_USED_HIGH - 4", modern::QueueDevice),
        offset("VIRTIO_MMIO_SHM_SEL", modern::ShmSel),
        offset("VIRTIO_MMIO_SHM_LEN_LOW", modern::ShmLen),
        offset("VIRTIO_MMIO_SHM_LEN_HIGH - 4", modern::ShmLen),
        offset("VIRTIO_MMIO_SHM_BASE_LOW", modern::ShmBase),
        offset("VIRTIO_MMIO_SHM_BASE_HIGH - 4", modern::ShmBase),
        offset("VIRTIO_MMIO_CONFIG_GENERATION", modern::ConfigGeneration),
        ("VIRTIO_MMIO_CONFIG", to_u64(CONFIG_OFFSET)),
    ];
    cc::check("mmio_modern", &HEADERS, &claims);
}

#[test]
fn legacy_registers_match_linux() {
    let claims = [
        offset("VIRTIO_MMIO_DEVICE_FEATURES", legacy::HostFeatures),
        offset("VIRTIO_MMIO_DEVICE_FEATURES_SEL", legacy::HostFeaturesSel),
        offset("VIRTIO_MMIO_DRIVER_FEATURES", legacy::GuestFeatures),
        offset("VIRTIO_MMIO_DRIVER_FEATURES_SEL", legacy::GuestFeaturesSel),
        offset("VIRTIO_MMIO_GUEST_PAGE_SIZE", legacy::GuestPageSize),
        offset("VIRTIO_MMIO_QUEUE_SEL", legacy::QueueSel),
        offset("VIRTIO_MMIO_QUEUE_NUM_MAX", legacy::QueueSizeMax),
        offset("VIRTIO_MMIO_QUEUE_NUM", legacy::QueueSize),
        offset("VIRTIO_MMIO_QUEUE_ALIGN", legacy::QueueAlign),
        offset("VIRTIO_MMIO_QUEUE_PFN", legacy::QueuePfn),
        offset("VIRTIO_MMIO_QUEUE_NOTIFY", legacy::QueueNotify),
        offset("VIRTIO_MMIO_INTERRUPT_STATUS", legacy::InterruptStatus),
        offset("VIRTIO_MMIO_INTERRUPT_ACK", legacy::InterruptAck),
        offset("VIRTIO_MMIO_STATUS", legacy::Status),
    ];
    cc::check("mmio_legacy", &HEADERS, &claims);
}

#[test]
fn interrupt_bits_match_linux() {
    let claims = [
        ("VIRTIO_MMIO_INT_VRING", Interrupt::new().with_used_buffer(true).into_bits().into()),
        ("VIRTIO_MMIO_INT_CONFIG", Interrupt::new().with_config_change(true).into_bits().into()),
    ];
    cc::check("mmio_interrupt", &HEADERS, &claims);
}
