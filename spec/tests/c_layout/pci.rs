//! `<linux/virtio_pci.h>`.

use aerostat_spec::Field as _;
use aerostat_spec::pci::{
    CAP_MSIX, CAP_VENDOR_SPECIFIC, CfgType, Isr, LEGACY_CONFIG_OFFSET, LEGACY_CONFIG_OFFSET_MSIX, LEGACY_QUEUE_ALIGN,
    MsixControl, NO_VECTOR, cap, cap64, cfg_cap, common_cfg, legacy, msix_cap, msix_entry, notify_cap,
};

use crate::{cc, len, offset, to_u64};

const HEADERS: [&str; 2] = ["linux/virtio_pci.h", "linux/pci_regs.h"];

#[test]
fn capability_layout_matches_linux() {
    let claims = [
        len::<cap::Space>("sizeof(struct virtio_pci_cap)"),
        offset("offsetof(struct virtio_pci_cap, cap_vndr)", cap::CapVndr),
        offset("offsetof(struct virtio_pci_cap, cap_next)", cap::CapNext),
        offset("offsetof(struct virtio_pci_cap, cap_len)", cap::CapLen),
        offset("offsetof(struct virtio_pci_cap, cfg_type)", cap::CfgType),
        offset("offsetof(struct virtio_pci_cap, bar)", cap::Bar),
        offset("offsetof(struct virtio_pci_cap, id)", cap::Id),
        offset("offsetof(struct virtio_pci_cap, offset)", cap::Offset),
        offset("offsetof(struct virtio_pci_cap, length)", cap::Length),
        ("offsetof(struct virtio_pci_cap, padding)", to_u64(cap::Padding::OFFSET)),
        len::<cap64::Space>("sizeof(struct virtio_pci_cap64)"),
        offset("offsetof(struct virtio_pci_cap64, offset_hi)", cap64::OffsetHi),
        offset("offsetof(struct virtio_pci_cap64, length_hi)", cap64::LengthHi),
        len::<notify_cap::Space>("sizeof(struct virtio_pci_notify_cap)"),
        offset("offsetof(struct virtio_pci_notify_cap, notify_off_multiplier)", notify_cap::NotifyOffMultiplier),
        len::<cfg_cap::Space>("sizeof(struct virtio_pci_cfg_cap)"),
        ("offsetof(struct virtio_pci_cfg_cap, pci_cfg_data)", to_u64(cfg_cap::PciCfgData::OFFSET)),
        ("PCI_CAP_ID_VNDR", CAP_VENDOR_SPECIFIC.into()),
    ];
    cc::check("pci_capabilities", &HEADERS, &claims);
}

#[test]
fn common_configuration_matches_linux() {
    let claims = [
        offset("VIRTIO_PCI_COMMON_DFSELECT", common_cfg::DeviceFeatureSelect),
        offset("VIRTIO_PCI_COMMON_DF", common_cfg::DeviceFeature),
        offset("VIRTIO_PCI_COMMON_GFSELECT", common_cfg::DriverFeatureSelect),
        offset("VIRTIO_PCI_COMMON_GF", common_cfg::DriverFeature),
        offset("VIRTIO_PCI_COMMON_MSIX", common_cfg::ConfigMsixVector),
        offset("VIRTIO_PCI_COMMON_NUMQ", common_cfg::NumQueues),
        offset("VIRTIO_PCI_COMMON_STATUS", common_cfg::DeviceStatus),
        offset("VIRTIO_PCI_COMMON_CFGGENERATION", common_cfg::ConfigGeneration),
        offset("VIRTIO_PCI_COMMON_Q_SELECT", common_cfg::QueueSelect),
        offset("VIRTIO_PCI_COMMON_Q_SIZE", common_cfg::QueueSize),
        offset("VIRTIO_PCI_COMMON_Q_MSIX", common_cfg::QueueMsixVector),
        offset("VIRTIO_PCI_COMMON_Q_ENABLE", common_cfg::QueueEnable),
        offset("VIRTIO_PCI_COMMON_Q_NOFF", common_cfg::QueueNotifyOff),
        offset("VIRTIO_PCI_COMMON_Q_DESCLO", common_cfg::QueueDesc),
        offset("VIRTIO_PCI_COMMON_Q_DESCHI - 4", common_cfg::QueueDesc),
        offset("VIRTIO_PCI_COMMON_Q_AVAILLO", common_cfg::QueueDriver),
        offset("VIRTIO_PCI_COMMON_Q_AVAILHI - 4", common_cfg::QueueDriver),
        offset("VIRTIO_PCI_COMMON_Q_USEDLO", common_cfg::QueueDevice),
        offset("VIRTIO_PCI_COMMON_Q_USEDHI - 4", common_cfg::QueueDevice),
        offset("VIRTIO_PCI_COMMON_Q_NDATA", common_cfg::QueueNotifConfigData),
        offset("VIRTIO_PCI_COMMON_Q_RESET", common_cfg::QueueReset),
    ];
    cc::check("pci_common", &HEADERS, &claims);
}

#[test]
fn legacy_registers_match_linux() {
    let claims = [
        offset("VIRTIO_PCI_HOST_FEATURES", legacy::DeviceFeatures),
        offset("VIRTIO_PCI_GUEST_FEATURES", legacy::DriverFeatures),
        offset("VIRTIO_PCI_QUEUE_PFN", legacy::QueueAddress),
        offset("VIRTIO_PCI_QUEUE_NUM", legacy::QueueSize),
        offset("VIRTIO_PCI_QUEUE_SEL", legacy::QueueSelect),
        offset("VIRTIO_PCI_QUEUE_NOTIFY", legacy::QueueNotify),
        offset("VIRTIO_PCI_STATUS", legacy::DeviceStatus),
        offset("VIRTIO_PCI_ISR", legacy::IsrStatus),
        offset("VIRTIO_MSI_CONFIG_VECTOR", legacy::ConfigMsixVector),
        offset("VIRTIO_MSI_QUEUE_VECTOR", legacy::QueueMsixVector),
        len::<legacy::Space>("VIRTIO_PCI_CONFIG_OFF(1)"),
        ("VIRTIO_PCI_CONFIG_OFF(0)", to_u64(LEGACY_CONFIG_OFFSET)),
        ("VIRTIO_PCI_CONFIG_OFF(1)", to_u64(LEGACY_CONFIG_OFFSET_MSIX)),
        ("VIRTIO_PCI_VRING_ALIGN", LEGACY_QUEUE_ALIGN.into()),
        ("1 << VIRTIO_PCI_QUEUE_ADDR_SHIFT", LEGACY_QUEUE_ALIGN.into()),
    ];
    cc::check("pci_legacy", &HEADERS, &claims);
}

#[test]
fn msi_x_layout_matches_linux() {
    let size = MsixControl::new().with_table_size(0x7ff);
    let claims = [
        ("PCI_CAP_ID_MSIX", CAP_MSIX.into()),
        len::<msix_cap::Space>("PCI_CAP_MSIX_SIZEOF"),
        offset("PCI_MSIX_FLAGS", msix_cap::MessageControl),
        offset("PCI_MSIX_TABLE", msix_cap::Table),
        offset("PCI_MSIX_PBA", msix_cap::Pending),
        ("PCI_MSIX_FLAGS_QSIZE", size.into_bits().into()),
        ("PCI_MSIX_FLAGS_MASKALL", MsixControl::new().with_function_mask(true).into_bits().into()),
        ("PCI_MSIX_FLAGS_ENABLE", MsixControl::new().with_enable(true).into_bits().into()),
        len::<msix_entry::Space>("PCI_MSIX_ENTRY_SIZE"),
        offset("PCI_MSIX_ENTRY_LOWER_ADDR", msix_entry::MessageAddress),
        offset("PCI_MSIX_ENTRY_UPPER_ADDR - 4", msix_entry::MessageAddress),
        offset("PCI_MSIX_ENTRY_DATA", msix_entry::MessageData),
        offset("PCI_MSIX_ENTRY_VECTOR_CTRL", msix_entry::VectorControl),
    ];
    cc::check("pci_msix", &HEADERS, &claims);
}

#[test]
fn values_match_linux() {
    let claims = [
        ("VIRTIO_PCI_CAP_COMMON_CFG", CfgType::Common.to_raw().into()),
        ("VIRTIO_PCI_CAP_NOTIFY_CFG", CfgType::Notify.to_raw().into()),
        ("VIRTIO_PCI_CAP_ISR_CFG", CfgType::Isr.to_raw().into()),
        ("VIRTIO_PCI_CAP_DEVICE_CFG", CfgType::Device.to_raw().into()),
        ("VIRTIO_PCI_CAP_PCI_CFG", CfgType::Pci.to_raw().into()),
        ("VIRTIO_PCI_CAP_SHARED_MEMORY_CFG", CfgType::SharedMemory.to_raw().into()),
        ("VIRTIO_PCI_ISR_CONFIG", Isr::new().with_config(true).into_bits().into()),
        ("VIRTIO_MSI_NO_VECTOR", NO_VECTOR.into()),
    ];
    cc::check("pci_values", &HEADERS, &claims);
}
