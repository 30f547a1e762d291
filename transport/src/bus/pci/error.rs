//! Errors of PCI transports.

use pci_types::PciAddress;

use crate::bus::pci::bar::BarRange;
use crate::bus::pci::structure_kind::StructureKind;

/// A PCI function cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PciError {
    /// The function is not a virtio device.
    #[error("the function is not a virtio device")]
    NotVirtio,
    /// The function has no virtio capabilities: it is a legacy device.
    #[error(
        "the device has only the legacy interface (it has no virtio capabilities); use `LegacyPci` or `Pci::either`"
    )]
    NoCapabilities,
    /// The function has no legacy interface: its PCI device id or its revision is that of a modern device, or its first
    /// BAR is not an I/O BAR that holds the legacy registers.
    #[error("the device does not have the legacy interface; use `Pci`")]
    NoLegacyInterface,
    /// The function has no capability for access to its BARs through configuration space.
    #[error("the device has no capability of type VIRTIO_PCI_CAP_PCI_CFG; map its BARs instead")]
    NoWindow,
    /// A structure is missing, or no capability that describes it is usable.
    #[error("no usable capability describes the {0:?} structure (reserved BARs and ranges outside BARs are ignored)")]
    Missing(StructureKind),
    /// The MSI-X table is not inside a BAR.
    #[error("the MSI-X table is not inside a BAR")]
    Table,
    /// An MSI-X vector belongs to another function.
    #[error("an MSI-X vector of function {other} was passed for function {function}")]
    OtherFunction {
        /// The function of the transport.
        function: PciAddress,
        /// The function that has the vector.
        other: PciAddress,
    },
    /// The kernel did not map a range of a BAR.
    #[error("failed to map {} bytes of a BAR at {:#x}", range.len, range.address)]
    Unmapped {
        /// The range.
        range: BarRange,
    },
}
