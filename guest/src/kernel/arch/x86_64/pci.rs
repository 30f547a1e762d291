//! PCI configuration space: in memory where ACPI says so, else through the ports that every PC has.

use core::ptr::NonNull;

use aerostat_transport::pci::{ConfigPorts, Ecam};
use aerostat_transport::{CpuPorts, MmioRegion};
use pci_types::{ConfigRegionAccess, PciAddress};

use super::{acpi, paging};

/// The way to configuration space.
pub(crate) enum Config {
    Memory(Ecam<MmioRegion>),
    Ports(ConfigPorts<CpuPorts>),
}

/// Configuration space, of the buses from 0 up. On a machine without PCI nothing is found there.
pub(crate) fn config() -> Config {
    if let Some((address, last_bus)) = acpi::ecam()
        && let Some(start) = NonNull::new(core::ptr::with_exposed_provenance_mut(address as usize))
        && let bytes = (u64::from(last_bus) + 1) << 20
        && paging::map_registers(address..address + bytes).is_some()
    {
        // SAFETY: mapped from here on, aligned to a bus, and used by this kernel in this way only.
        let region = unsafe { MmioRegion::new(start, bytes as usize) };
        return Config::Memory(Ecam::new(region, 0, 0));
    }
    // SAFETY: the kernel runs with all privileges, and the ports are those of configuration space.
    Config::Ports(ConfigPorts::new(unsafe { CpuPorts::new() }))
}

impl ConfigRegionAccess for Config {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        match self {
            // SAFETY: the caller's promise.
            Self::Memory(config) => unsafe { config.read(address, offset) },
            // SAFETY: as above.
            Self::Ports(config) => unsafe { config.read(address, offset) },
        }
    }

    unsafe fn write(&self, address: PciAddress, offset: u16, value: u32) {
        match self {
            // SAFETY: the caller's promise.
            Self::Memory(config) => unsafe { config.write(address, offset, value) },
            // SAFETY: as above.
            Self::Ports(config) => unsafe { config.write(address, offset, value) },
        }
    }
}
