//! What firmware would do on PCI: find the function, give it addresses, switch it on.

use aerostat_transport::Ports;
use aerostat_transport::pci::{BarRange, Space};
use pci_types::PciAddress;

use super::error::QemuError;
use super::io::{QtestPorts, QtestRegion};
use super::process::Qemu;

/// The vendor of virtio devices, and what the id of a modern device is counted from.
const VIRTIO: u16 = 0x1af4;
const MODERN: u32 = 0x1040;
/// Where a transitional device has its type: the upper half is the subsystem id.
const SUBSYSTEM: u16 = 0x2c;

/// Where addresses are given out: above all memory that a test uses, below the fixed devices of a PC; ports above those
/// of a PC.
const MEMORY: u64 = 0xc000_0000;
const PORTS: u64 = 0xc000;

/// Offset of the command register, and its bits for ports, memory and bus mastering.
const COMMAND: u16 = 0x04;
const DECODE_AND_MASTER: u32 = 0b111;
/// Offset of the first base address register.
const BARS: u16 = 0x10;

/// The register of the host bridge that places the PCI Express configuration window, and the bit that opens it.
const PCIEXBAR: u16 = 0x60;
const PCIEXBAR_ENABLE: u32 = 1;
/// Length of the window of 256 buses.
const ECAM_BYTES: usize = 256 << 20;

/// A base address register that has an address now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The number of the register; a 64-bit one takes the next one too.
    pub number: u8,
    /// Where it is.
    pub range: BarRange,
}

/// A PCI function that firmware has placed, ready for its driver.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it is.
    pub address: PciAddress,
    /// Its base address registers.
    pub bars: Vec<Bar>,
}

/// The configuration space through the ports 0xCF8 and 0xCFC: independent of the transport that is tested by it.
struct Config(QtestPorts);

impl Config {
    fn select(&self, function: PciAddress, register: u16) {
        let place = u32::from(function.device()) << 11 | u32::from(function.function()) << 8;
        self.0.write32(0xcf8, 1 << 31 | place | u32::from(register));
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
    /// The balloon, see [`Qemu::pci_device`].
    ///
    /// # Errors
    ///
    /// As for [`Qemu::pci_device`].
    pub fn pci_balloon(&self) -> Result<Placed, QemuError> {
        self.pci_device(5)
    }

    /// Finds the virtio device of type `id` on bus 0, gives its base address registers addresses, and enables decoding and
    /// bus mastering.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when there is none, or it wants what no function should.
    pub fn pci_device(&self, id: u32) -> Result<Placed, QemuError> {
        let config = Config(self.ports());
        let is_it = |address: &PciAddress| {
            let ids = config.get(*address, 0);
            ids as u16 == VIRTIO
                && match ids >> 16 {
                    transitional if transitional < MODERN => config.get(*address, SUBSYSTEM) >> 16 == id,
                    modern => modern - MODERN == id,
                }
        };
        let address = (0..32).map(|device| PciAddress::new(0, 0, device, 0)).find(is_it);
        self.check()?;
        let address = address.ok_or_else(|| QemuError::NoDevice(format!("device of type {id} on PCI bus 0")))?;
        let bars = assign(&config, address)?;
        let command = config.get(address, COMMAND) & 0xffff;
        config.set(address, COMMAND, command | DECODE_AND_MASTER);
        self.check()?;
        Ok(Placed { address, bars })
    }

    /// The registers in a part of a base address register, as `aerostat_transport::pci::MapBar` wants them:
    /// `&mut |range| Some(qemu.map(range))`.
    pub fn map(&self, range: BarRange) -> QtestRegion {
        self.region(range.space, range.address, usize::try_from(range.len).unwrap_or(usize::MAX))
    }

    /// Opens the PCI Express configuration window of a q35 at `start`, a multiple of 256 MiB: 4 KiB for each function of
    /// 256 buses.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when QEMU does not answer.
    pub fn open_ecam(&self, start: u64) -> Result<QtestRegion, QemuError> {
        let (config, bridge) = (Config(self.ports()), PciAddress::new(0, 0, 0, 0));
        config.set(bridge, PCIEXBAR + 4, (start >> 32) as u32);
        config.set(bridge, PCIEXBAR, start as u32 & 0xf000_0000 | PCIEXBAR_ENABLE);
        self.check()?;
        Ok(QtestRegion::new(self.client().clone(), Space::Memory, start, ECAM_BYTES))
    }
}

/// Gives every base address register an address of its own.
fn assign(config: &Config, address: PciAddress) -> Result<Vec<Bar>, QemuError> {
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
        // The lowest bit that can be set is the length: an address register has no bit below it.
        let length = u64::from(lowest_bit(probed & !flags));
        if wide && number == 5 {
            let reason = "64 bits wide, and the last register";
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
