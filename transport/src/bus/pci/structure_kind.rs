//! Kinds of virtio structures ("Virtio Structure PCI Capabilities", 4.1.4).

use aerostat_spec::{Block, pci};

/// A structure of registers in the BARs of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StructureKind {
    /// Common configuration.
    Common,
    /// Notification registers.
    Notify,
    /// ISR status.
    Isr,
    /// Device-specific configuration.
    Device,
}

impl StructureKind {
    pub(super) fn of(kind: pci::CfgType) -> Option<Self> {
        match kind {
            pci::CfgType::Common => Some(Self::Common),
            pci::CfgType::Notify => Some(Self::Notify),
            pci::CfgType::Isr => Some(Self::Isr),
            pci::CfgType::Device => Some(Self::Device),
            _ => None,
        }
    }

    /// Returns the alignment of the structure in bytes.
    pub(super) const fn align(self) -> u32 {
        match self {
            Self::Common | Self::Device => 4,
            Self::Notify => 2,
            Self::Isr => 1,
        }
    }

    /// Returns the number of bytes that are mapped at most, so that a device cannot make the kernel map a huge range.
    pub(super) const fn max_len(self) -> u64 {
        match self {
            Self::Common => <pci::common_cfg::Space as Block>::LEN as u64,
            // A page for each of 4096 queues.
            Self::Notify => 16 << 20,
            Self::Isr => 1,
            Self::Device => 64 << 10,
        }
    }

    /// Returns the minimum length of the structure in bytes.
    pub(super) const fn min_len(self) -> u32 {
        match self {
            // Up to the device area of a queue. Later fields are used only with their features.
            Self::Common => 56,
            Self::Notify => 2,
            Self::Isr | Self::Device => 1,
        }
    }
}
