//! Why a PCI function cannot be driven.

use crate::pci::{BarRange, StructureKind};

/// Why a PCI function cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PciError {
    /// The function is no virtio device.
    #[error("the function is no virtio device")]
    NotVirtio,
    /// The function has no virtio capabilities: it is a legacy device.
    #[error("the device has no virtio capabilities: it has only the legacy interface (`LegacyPci` is for that)")]
    NoCapabilities,
    /// The function has no legacy interface: its PCI device id or its revision is that of a modern device, or its first
    /// BAR is not one of I/O space that has room for the legacy registers.
    #[error("the device has no legacy interface (`Pci` is for the modern one)")]
    NoLegacyInterface,
    /// The function has no capability through which its BARs can be reached.
    #[error("the device has no capability of type VIRTIO_PCI_CAP_PCI_CFG: its BARs have to be mapped")]
    NoWindow,
    /// A structure is missing, or none of the capabilities that describe it can be used.
    #[error("no usable capability describes the {0:?} structure (reserved BARs and ranges outside BARs are ignored)")]
    Missing(StructureKind),
    /// The MSI-X table is not inside a BAR.
    #[error("the MSI-X table is not inside a BAR")]
    Table,
    /// A range of a BAR was not mapped.
    #[error("{} bytes of a BAR at {:#x} were not mapped", range.len, range.address)]
    Unmapped {
        /// The range.
        range: BarRange,
    },
}
