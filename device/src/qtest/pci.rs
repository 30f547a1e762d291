//! PCI initialization that firmware usually does: find the function, assign its BARs, enable it.

use aerostat_transport::Ports;
use aerostat_transport::pci::{BarRange, Space};
use pci_types::PciAddress;

use super::error::QemuError;
use super::io::{QtestPorts, QtestRegion};
use super::process::Qemu;

/// The PCI vendor id of virtio devices, and the PCI device id that corresponds to virtio device id 0.
const VIRTIO: u16 = 0x1af4;
const MODERN: u32 = 0x1040;
/// Offset of the subsystem ids. For a transitional device, the upper half is the virtio device id.
const SUBSYSTEM: u16 = 0x2c;

/// The first assigned addresses: memory above the RAM of the tests and below the fixed devices of a PC, ports above those of
/// a PC.
const MEMORY: u64 = 0xc000_0000;
const PORTS: u64 = 0xc000;

/// Offset of the command register, and its bits for I/O space and memory space.
const COMMAND: u16 = 0x04;
const DECODE: u32 = 0b11;
/// Offset of the first base address register.
const BARS: u16 = 0x10;

/// The host bridge register with the address of the ECAM window, and its enable bit.
const PCIEXBAR: u16 = 0x60;
const PCIEXBAR_ENABLE: u32 = 1;
/// Size in bytes of the ECAM window of 256 buses.
const ECAM_BYTES: usize = 256 << 20;

/// A base address register with an assigned address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The number of the register. A 64-bit register uses the next one too.
    pub number: u8,
    /// The assigned range.
    pub range: BarRange,
}

/// A PCI function with assigned and enabled BARs, ready for its driver.
#[derive(Clone, Debug)]
pub struct AssignedFunction {
    /// The address of the function.
    pub address: PciAddress,
    /// Its base address registers.
    pub bars: Vec<Bar>,
}

/// Configuration space access by the ports 0xCF8 and 0xCFC, independent of the transport crate that is under test.
struct Config(QtestPorts);

impl Config {
    fn select(&self, function: PciAddress, register: u16) {
        let location = u32::from(function.device()) << 11 | u32::from(function.function()) << 8;
        self.0.write32(0xcf8, 1 << 31 | location | u32::from(register));
    }

    /// Reads the 32 bits at `register`, a multiple of 4, of a function on bus 0.
    fn get(&self, function: PciAddress, register: u16) -> u32 {
        self.select(function, register);
        self.0.read32(0xcfc)
    }

    /// Writes the 32 bits at `register`, a multiple of 4, of a function on bus 0.
    fn set(&self, function: PciAddress, register: u16, value: u32) {
        self.select(function, register);
        self.0.write32(0xcfc, value);
    }
}

impl<M> Qemu<M> {
    /// Assigns the balloon: [`Qemu::pci_device`] with device id 5.
    ///
    /// # Errors
    ///
    /// As for [`Qemu::pci_device`].
    pub fn pci_balloon(&self) -> Result<AssignedFunction, QemuError> {
        self.pci_device(5)
    }

    /// Finds the virtio device with this device id on bus 0, assigns its base address registers, and enables decoding. Its driver
    /// enables bus mastering.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if there is no such device, one of its base address registers is invalid, or QEMU does not answer.
    pub fn pci_device(&self, id: u32) -> Result<AssignedFunction, QemuError> {
        let config = Config(self.ports());
        let matches = |address: &PciAddress| {
            let ids = config.get(*address, 0);
            ids as u16 == VIRTIO
                && match ids >> 16 {
                    transitional if transitional < MODERN => config.get(*address, SUBSYSTEM) >> 16 == id,
                    modern => modern - MODERN == id,
                }
        };
        let address = (0..32).map(|device| PciAddress::new(0, 0, device, 0)).find(matches);
        self.check()?;
        let address = address.ok_or_else(|| QemuError::NoDevice(format!("virtio PCI device with id {id} on bus 0")))?;
        let bars = assign_bars(&config, address)?;
        let command = config.get(address, COMMAND) & 0xffff;
        config.set(address, COMMAND, command | DECODE);
        self.check()?;
        Ok(AssignedFunction { address, bars })
    }

    /// Returns the registers in a range of a base address register. Pass `&mut |range| Some(qemu.map(range))` as
    /// `aerostat_transport::pci::MapBar`.
    pub fn map(&self, range: BarRange) -> QtestRegion {
        self.region(range.space, range.address, usize::try_from(range.len).unwrap_or(usize::MAX))
    }

    /// Enables the ECAM window of a q35 machine at `start`, a multiple of 256 MiB: 4 KiB for each function of 256 buses.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU does not answer.
    pub fn open_ecam(&self, start: u64) -> Result<QtestRegion, QemuError> {
        let (config, bridge) = (Config(self.ports()), PciAddress::new(0, 0, 0, 0));
        config.set(bridge, PCIEXBAR + 4, (start >> 32) as u32);
        config.set(bridge, PCIEXBAR, start as u32 & 0xf000_0000 | PCIEXBAR_ENABLE);
        self.check()?;
        Ok(QtestRegion::new(self.client().clone(), Space::Memory, start, ECAM_BYTES))
    }
}

/// Assigns an address to every base address register.
fn assign_bars(config: &Config, address: PciAddress) -> Result<Vec<Bar>, QemuError> {
    let (mut memory, mut port) = (MEMORY, PORTS);
    let mut bars = Vec::new();
    let mut number = 0;
    while number < 6 {
        let register = BARS + 4 * u16::from(number);
        let kind = config.get(address, register);
        config.set(address, register, u32::MAX);
        let probed = config.get(address, register);
        let wide = kind & 0b111 == 0b100;
        let (space, next, flags) = match kind & 1 {
            0 => (Space::Memory, &mut memory, 0xf),
            _ => (Space::Ports, &mut port, 0x3),
        };
        // The lowest writable address bit is the size of the register's range.
        let length = u64::from(lowest_bit(probed & !flags));
        if wide && number == 5 {
            let reason = "a 64-bit register cannot be the last one";
            return Err(QemuError::Bar { function: address.to_string(), bar: number, reason });
        }
        if length != 0 {
            *next = next.next_multiple_of(length);
            config.set(address, register, *next as u32);
            if wide {
                config.set(address, register + 4, 0);
            }
            bars.push(Bar { number, range: BarRange { space, address: *next, len: length } });
            *next += length;
        }
        number += if wide { 2 } else { 1 };
    }
    Ok(bars)
}

fn lowest_bit(value: u32) -> u32 {
    value & value.wrapping_neg()
}
