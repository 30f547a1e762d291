//! The PCI transport ("Virtio Over PCI Bus", 4.1).
//!
//! 1. [`PciFunction`] is a function in configuration space. Access it through [`Ecam`], [`ConfigPorts`] or an implementation of
//!    [`ConfigRegionAccess`](pci_types::ConfigRegionAccess).
//! 2. For MSI-X, call [`Msix::enable`] and [`Msix::add`].
//! 3. [`Pci::new`] finds the structures of the device and maps them through a [`MapBar`]. [`LegacyPci::new`] is for the legacy
//!    interface, [`Pci::either`] for the interface that the device has.
//!
//! A kernel that cannot map BARs passes [`BarWindows`] as the [`MapBar`].

mod access;
mod bar;
mod bar_window;
mod error;
mod function;
mod handles;
#[cfg(feature = "legacy")]
mod legacy;
mod map_bar;
mod modern;
mod msix;
mod routing;
mod structure_kind;
mod structures;

pub use self::access::{ConfigPorts, Ecam};
pub use self::bar::{BarIndex, BarRange, Space};
pub use self::bar_window::{BarWindow, BarWindows};
pub use self::error::PciError;
pub use self::function::PciFunction;
pub use self::handles::{PciConfig, PciInterrupt, PciNotifier};
#[cfg(feature = "legacy")]
pub use self::legacy::LegacyPci;
pub use self::map_bar::MapBar;
pub use self::modern::Pci;
pub use self::msix::{Message, Msix, QueueVectors, Vector};
pub use self::routing::Routing;
pub use self::structure_kind::StructureKind;
