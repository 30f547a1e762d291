//! PCI: configuration space in memory (ECAM) if ACPI has its address, else through the ports of every PC. BARs are in memory
//! or I/O space.

use aerostat_balloon::transport::pci::{BarRange, ConfigPorts, Ecam, Space};
use aerostat_balloon::transport::{CpuPorts, Either, MmioRegion, PortRegion};
use pci_types::{ConfigRegionAccess, InterruptLine, InterruptPin, PciAddress};

use super::acpi;
use super::paging::registers;

/// Access to configuration space.
#[derive(Clone)]
pub(crate) enum Config {
    Memory(Ecam<MmioRegion>),
    Ports(ConfigPorts<CpuPorts>),
}

/// Returns configuration space, from bus 0 on. On a machine without PCI it has no functions.
pub(crate) fn config() -> Option<Config> {
    let ecam = acpi::ecam().and_then(|(address, last_bus)| {
        let end = address.checked_add((u64::from(last_bus) + 1) << 20)?;
        registers(address..end)
    });
    Some(match ecam {
        Some(region) => Config::Memory(Ecam::new(region, 0, 0)),
        // SAFETY: the kernel may access ports, and uses these only for configuration space.
        None => Config::Ports(ConfigPorts::new(unsafe { CpuPorts::new() })),
    })
}

/// Returns the interrupt of the machine that a function raises by its pin. Firmware has written its number to the interrupt
/// line register, and QEMU uses the same number at the I/O APIC.
pub(crate) fn line(_: PciAddress, (_, line): (InterruptPin, InterruptLine)) -> Option<u32> {
    Some(line.into())
}

/// Registers in a BAR.
pub(crate) type BarIo = Either<MmioRegion, PortRegion<CpuPorts>>;

/// Maps a BAR. Only a BAR in memory needs a mapping.
pub(crate) fn map_bar(range: BarRange) -> Option<BarIo> {
    let end = range.address.checked_add(range.len)?;
    Some(match range.space {
        Space::Memory => Either::First(registers(range.address..end)?),
        Space::Ports => {
            // SAFETY: the kernel may access ports, and these are ports of the function.
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
