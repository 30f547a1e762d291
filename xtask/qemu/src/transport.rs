//! The buses and interfaces of virtio devices.

use std::fmt;

use clap::{ValueEnum, builder::PossibleValue};

/// How the guest reaches a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Virtio over PCI.
    Pci,
    /// Virtio over PCI, legacy interface.
    PciLegacy,
    /// Virtio over MMIO.
    Mmio,
    /// Virtio over MMIO, legacy interface.
    MmioLegacy,
}

/// The bus of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// PCI.
    Pci,
    /// Memory-mapped registers.
    Mmio,
}

/// The register interface of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// VIRTIO 1.0 and later.
    Modern,
    /// Before VIRTIO 1.0.
    Legacy,
}

impl Transport {
    /// Returns the bus.
    pub const fn bus(self) -> Bus {
        match self {
            Self::Pci | Self::PciLegacy => Bus::Pci,
            Self::Mmio | Self::MmioLegacy => Bus::Mmio,
        }
    }

    /// Returns the register interface.
    pub const fn interface(self) -> Interface {
        match self {
            Self::Pci | Self::Mmio => Interface::Modern,
            Self::PciLegacy | Self::MmioLegacy => Interface::Legacy,
        }
    }

    /// Returns the name, as the command line spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pci => "pci",
            Self::PciLegacy => "pci-legacy",
            Self::Mmio => "mmio",
            Self::MmioLegacy => "mmio-legacy",
        }
    }

    /// Returns why this transport cannot have packed rings, or `None` if it can.
    pub const fn no_packed_rings(self) -> Option<&'static str> {
        match self.interface() {
            Interface::Modern => None,
            Interface::Legacy => Some("the legacy interface has 32 feature bits, and RING_PACKED is bit 34"),
        }
    }
}

impl ValueEnum for Transport {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Pci, Self::PciLegacy, Self::Mmio, Self::MmioLegacy]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Pci => "Virtio over PCI",
            Self::PciLegacy => "Virtio over PCI, legacy interface (before VIRTIO 1.0)",
            Self::Mmio => "Virtio over MMIO",
            Self::MmioLegacy => "Virtio over MMIO, legacy interface (before VIRTIO 1.0)",
        }))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pci => "PCI",
            Self::PciLegacy => "legacy PCI",
            Self::Mmio => "MMIO",
            Self::MmioLegacy => "legacy MMIO",
        })
    }
}
