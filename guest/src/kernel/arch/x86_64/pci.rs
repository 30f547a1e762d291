//! PCI: configuration space in memory where ACPI says so, else through the ports that every PC has; BARs in memory or behind
//! ports.

use aerostat_transport::pci::{BarRange, ConfigPorts, Ecam, Space};
use aerostat_transport::{CpuPorts, Either, MmioRegion, PortRegion};
use pci_types::{ConfigRegionAccess, InterruptLine, InterruptPin, PciAddress};

use super::acpi;
use crate::kernel::memory;

/// The way to configuration space.
pub(crate) enum Config {
    Memory(Ecam<MmioRegion>),
    Ports(ConfigPorts<CpuPorts>),
}

/// Configuration space, of the buses from 0 up. On a machine without PCI nothing is found there.
pub(crate) fn config() -> Option<Config> {
    let ecam = acpi::ecam().and_then(|(address, last_bus)| {
        let end = address.checked_add((u64::from(last_bus) + 1) << 20)?;
        memory::registers(address..end)
    });
    Some(match ecam {
        Some(region) => Config::Memory(Ecam::new(region, 0, 0)),
        // SAFETY: the kernel runs with all privileges, and the ports are those of configuration space.
        None => Config::Ports(ConfigPorts::new(unsafe { CpuPorts::new() })),
    })
}

/// The interrupt of the machine that a function raises by its pin: firmware has written its number beside the pin, and
/// QEMU raises it at the I/O APIC too.
pub(crate) fn line(_: PciAddress, (_, line): (InterruptPin, InterruptLine)) -> Option<u32> {
    Some(line.into())
}

/// Registers in a BAR.
pub(crate) type BarIo = Either<MmioRegion, PortRegion<CpuPorts>>;

/// Maps a BAR in memory. The CPU reaches ports as they are.
pub(crate) fn map_bar(range: BarRange) -> Option<BarIo> {
    let end = range.address.checked_add(range.len)?;
    Some(match range.space {
        Space::Memory => Either::First(memory::registers(range.address..end)?),
        Space::Ports => {
            // SAFETY: the kernel runs with all privileges, and the ports are those of the function.
            let ports = unsafe { CpuPorts::new() };
            Either::Second(PortRegion::new(ports, range.address.try_into().ok()?, range.len.try_into().ok()?))
        }
    })
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
