//! Access to the configuration space of PCI functions.

use pci_types::{ConfigRegionAccess, PciAddress};

use crate::io::{Io, Ports};

/// Bytes of configuration space of a function with ECAM.
const ECAM_FUNCTION: usize = 4096;
/// The port that selects a register.
const CONFIG_ADDRESS: u16 = 0xcf8;
/// The port that reaches the selected register.
const CONFIG_DATA: u16 = 0xcfc;

/// The memory-mapped configuration space of a range of buses (Enhanced Configuration Access Mechanism).
#[derive(Clone, Debug)]
pub struct Ecam<I> {
    io: I,
    segment: u16,
    first_bus: u8,
}

impl<I: Io> Ecam<I> {
    /// Returns the configuration space at `io`, which starts with function 0 of device 0 on `first_bus` of `segment`. Buses that
    /// do not fit into `io` have no functions.
    pub fn new(io: I, segment: u16, first_bus: u8) -> Self {
        Self { io, segment, first_bus }
    }

    fn offset(&self, address: PciAddress, register: u16) -> Option<usize> {
        if address.segment() != self.segment || usize::from(register) >= ECAM_FUNCTION {
            return None;
        }
        let bus = address.bus().checked_sub(self.first_bus)?;
        let function = usize::from(bus) << 8 | usize::from(address.device()) << 3 | usize::from(address.function());
        Some(function * ECAM_FUNCTION + usize::from(register & !3))
    }
}

impl<I: Io> ConfigRegionAccess for Ecam<I> {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        self.offset(address, offset).map_or(u32::MAX, |at| self.io.read32(at))
    }

    unsafe fn write(&self, address: PciAddress, offset: u16, value: u32) {
        if let Some(at) = self.offset(address, offset) {
            self.io.write32(at, value);
        }
    }
}

/// The configuration space of segment 0 behind the ports 0xCF8 and 0xCFC of a PC.
///
/// Each access takes two port accesses. A kernel with several CPUs must serialize them with a lock of its own.
#[derive(Clone, Debug)]
pub struct ConfigPorts<P> {
    ports: P,
}

impl<P: Ports> ConfigPorts<P> {
    /// Returns the configuration space behind these ports.
    pub fn new(ports: P) -> Self {
        Self { ports }
    }

    /// Selects a register; `None` if the ports cannot access it.
    fn select(&self, address: PciAddress, register: u16) -> Option<()> {
        let register = u8::try_from(register).ok()?;
        if address.segment() != 0 {
            return None;
        }
        let function = u32::from(address.bus()) << 16 | u32::from(address.device()) << 11;
        let function = function | u32::from(address.function()) << 8;
        self.ports.write32(CONFIG_ADDRESS, 1 << 31 | function | u32::from(register & !3));
        Some(())
    }
}

impl<P: Ports> ConfigRegionAccess for ConfigPorts<P> {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        self.select(address, offset).map_or(u32::MAX, |()| self.ports.read32(CONFIG_DATA))
    }

    unsafe fn write(&self, address: PciAddress, offset: u16, value: u32) {
        if self.select(address, offset).is_some() {
            self.ports.write32(CONFIG_DATA, value);
        }
    }
}
