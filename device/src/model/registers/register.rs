//! The control registers and their offsets.

use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_CONFIG_GENERATION, VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DEVICE_ID,
    VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_GUEST_PAGE_SIZE,
    VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_MAGIC_VALUE, VIRTIO_MMIO_QUEUE_ALIGN,
    VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, VIRTIO_MMIO_QUEUE_DESC_LOW,
    VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_PFN,
    VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW,
    VIRTIO_MMIO_SHM_BASE_HIGH, VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_SHM_LEN_HIGH, VIRTIO_MMIO_SHM_LEN_LOW,
    VIRTIO_MMIO_SHM_SEL, VIRTIO_MMIO_STATUS, VIRTIO_MMIO_VENDOR_ID, VIRTIO_MMIO_VERSION,
};

use super::super::options::Interface;
use crate::violation::Access;

/// Offset of QueueReset, which virtio-bindings does not define.
const QUEUE_RESET: u32 = 0x0c0;

/// The three areas of a virtqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueArea {
    Descriptors,
    Driver,
    Device,
}

/// The half of a 64-bit address that a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressHalf {
    Low,
    High,
}

/// A control register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    MagicValue,
    Version,
    DeviceId,
    VendorId,
    DeviceFeatures,
    DeviceFeaturesSel,
    DriverFeatures,
    DriverFeaturesSel,
    QueueSel,
    QueueSizeMax,
    QueueSize,
    QueueReady,
    QueueNotify,
    InterruptStatus,
    InterruptAck,
    Status,
    QueueAddress(QueueArea, AddressHalf),
    SharedMemory,
    QueueReset,
    ConfigGeneration,
    GuestPageSize,
    QueueAlign,
    QueuePfn,
}

impl Register {
    /// Returns the register at `offset`, if this interface has one.
    pub(crate) fn at(offset: usize, interface: Interface) -> Option<Self> {
        let register = match u32::try_from(offset).ok()? {
            VIRTIO_MMIO_MAGIC_VALUE => Self::MagicValue,
            VIRTIO_MMIO_VERSION => Self::Version,
            VIRTIO_MMIO_DEVICE_ID => Self::DeviceId,
            VIRTIO_MMIO_VENDOR_ID => Self::VendorId,
            VIRTIO_MMIO_DEVICE_FEATURES => Self::DeviceFeatures,
            VIRTIO_MMIO_DEVICE_FEATURES_SEL => Self::DeviceFeaturesSel,
            VIRTIO_MMIO_DRIVER_FEATURES => Self::DriverFeatures,
            VIRTIO_MMIO_DRIVER_FEATURES_SEL => Self::DriverFeaturesSel,
            VIRTIO_MMIO_QUEUE_SEL => Self::QueueSel,
            VIRTIO_MMIO_QUEUE_NUM_MAX => Self::QueueSizeMax,
            VIRTIO_MMIO_QUEUE_NUM => Self::QueueSize,
            VIRTIO_MMIO_QUEUE_READY => Self::QueueReady,
            VIRTIO_MMIO_QUEUE_NOTIFY => Self::QueueNotify,
            VIRTIO_MMIO_INTERRUPT_STATUS => Self::InterruptStatus,
            VIRTIO_MMIO_INTERRUPT_ACK => Self::InterruptAck,
            VIRTIO_MMIO_STATUS => Self::Status,
            VIRTIO_MMIO_QUEUE_DESC_LOW => Self::QueueAddress(QueueArea::Descriptors, AddressHalf::Low),
            VIRTIO_MMIO_QUEUE_DESC_HIGH => Self::QueueAddress(QueueArea::Descriptors, AddressHalf::High),
            VIRTIO_MMIO_QUEUE_AVAIL_LOW => Self::QueueAddress(QueueArea::Driver, AddressHalf::Low),
            VIRTIO_MMIO_QUEUE_AVAIL_HIGH => Self::QueueAddress(QueueArea::Driver, AddressHalf::High),
            VIRTIO_MMIO_QUEUE_USED_LOW => Self::QueueAddress(QueueArea::Device, AddressHalf::Low),
            VIRTIO_MMIO_QUEUE_USED_HIGH => Self::QueueAddress(QueueArea::Device, AddressHalf::High),
            VIRTIO_MMIO_SHM_SEL
            | VIRTIO_MMIO_SHM_LEN_LOW
            | VIRTIO_MMIO_SHM_LEN_HIGH
            | VIRTIO_MMIO_SHM_BASE_LOW
            | VIRTIO_MMIO_SHM_BASE_HIGH => Self::SharedMemory,
            QUEUE_RESET => Self::QueueReset,
            VIRTIO_MMIO_CONFIG_GENERATION => Self::ConfigGeneration,
            VIRTIO_MMIO_GUEST_PAGE_SIZE => Self::GuestPageSize,
            VIRTIO_MMIO_QUEUE_ALIGN => Self::QueueAlign,
            VIRTIO_MMIO_QUEUE_PFN => Self::QueuePfn,
            _ => return None,
        };
        let only = match register {
            Self::QueueReady
            | Self::QueueAddress(..)
            | Self::SharedMemory
            | Self::QueueReset
            | Self::ConfigGeneration => Some(Interface::Modern),
            Self::GuestPageSize | Self::QueueAlign | Self::QueuePfn => Some(Interface::Legacy),
            _ => None,
        };
        only.is_none_or(|only| only == interface).then_some(register)
    }

    /// Returns whether the register can be accessed in this direction.
    pub(crate) fn allows(self, access: Access) -> bool {
        match self {
            Self::MagicValue
            | Self::Version
            | Self::DeviceId
            | Self::VendorId
            | Self::DeviceFeatures
            | Self::QueueSizeMax
            | Self::InterruptStatus
            | Self::ConfigGeneration => access == Access::Read,
            Self::DeviceFeaturesSel
            | Self::DriverFeatures
            | Self::DriverFeaturesSel
            | Self::QueueSel
            | Self::QueueSize
            | Self::QueueNotify
            | Self::InterruptAck
            | Self::GuestPageSize
            | Self::QueueAlign
            | Self::QueueAddress(..) => access == Access::Write,
            Self::QueueReady | Self::QueuePfn | Self::Status | Self::SharedMemory | Self::QueueReset => true,
        }
    }
}
