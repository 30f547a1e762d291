//! Registers of QEMU's machine, as the transports reach registers.

use aerostat_transport::Io;
use pci_types::{ConfigRegionAccess, PciAddress};

use super::client::Client;

/// The address space that registers are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Memory.
    Memory,
    /// I/O ports of a PC.
    Port,
}

/// The width of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// 8 bits.
    Bits8,
    /// 16 bits.
    Bits16,
    /// 32 bits.
    Bits32,
}

impl Access {
    fn bytes(self) -> usize {
        match self {
            Access::Bits8 => 1,
            Access::Bits16 => 2,
            Access::Bits32 => 4,
        }
    }
}

/// A block of registers in QEMU's machine: each access is one question over a socket.
///
/// When QEMU is gone or silent, reads give all ones and writes do nothing; [`Qemu::check`](super::Qemu::check) then
/// says what happened.
#[derive(Clone, Debug)]
pub struct QtestRegion {
    client: Client,
    space: Space,
    start: u64,
    len: usize,
}

impl QtestRegion {
    pub(super) fn new(client: Client, space: Space, start: u64, len: usize) -> Self {
        Self { client, space, start, len }
    }

    /// Where the block starts in its address space.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The address of an access that fits.
    fn at(&self, offset: usize, access: Access) -> Option<u64> {
        let fits = offset.checked_add(access.bytes()).is_some_and(|end| end <= self.len);
        fits.then(|| self.start.wrapping_add(offset as u64))
    }

    fn read(&self, offset: usize, access: Access) -> u32 {
        let Some(at) = self.at(offset, access) else { return u32::MAX };
        let command = match (self.space, access) {
            (Space::Memory, Access::Bits8) => "readb",
            (Space::Memory, Access::Bits16) => "readw",
            (Space::Memory, Access::Bits32) => "readl",
            (Space::Port, Access::Bits8) => "inb",
            (Space::Port, Access::Bits16) => "inw",
            (Space::Port, Access::Bits32) => "inl",
        };
        self.client.number(&format!("{command} {at:#x}")) as u32
    }

    fn write(&self, offset: usize, access: Access, value: u32) {
        let Some(at) = self.at(offset, access) else { return };
        let command = match (self.space, access) {
            (Space::Memory, Access::Bits8) => "writeb",
            (Space::Memory, Access::Bits16) => "writew",
            (Space::Memory, Access::Bits32) => "writel",
            (Space::Port, Access::Bits8) => "outb",
            (Space::Port, Access::Bits16) => "outw",
            (Space::Port, Access::Bits32) => "outl",
        };
        self.client.tell(&format!("{command} {at:#x} {value:#x}"));
    }
}

impl Io for QtestRegion {
    fn len(&self) -> usize {
        self.len
    }

    fn read8(&self, offset: usize) -> u8 {
        self.read(offset, Access::Bits8) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.read(offset, Access::Bits16) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.read(offset, Access::Bits32)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.write(offset, Access::Bits8, value.into());
    }

    fn write16(&self, offset: usize, value: u16) {
        self.write(offset, Access::Bits16, value.into());
    }

    fn write32(&self, offset: usize, value: u32) {
        self.write(offset, Access::Bits32, value);
    }
}

/// PCI configuration through the ports 0xCF8 and 0xCFC.
///
/// One test drives one machine, so that nobody comes between the address and the data of an access.
#[derive(Clone, Debug)]
pub struct QtestConfigPorts {
    address: QtestRegion,
    data: QtestRegion,
}

impl QtestConfigPorts {
    pub(super) fn new(client: &Client) -> Self {
        let port = |start| QtestRegion::new(client.clone(), Space::Port, start, 4);
        Self { address: port(0xcf8), data: port(0xcfc) }
    }

    fn select(&self, address: PciAddress, offset: u16) {
        let place = u32::from(address.bus()) << 16
            | u32::from(address.device()) << 11
            | u32::from(address.function()) << 8
            | u32::from(offset & 0xfc);
        self.address.write32(0, 1 << 31 | place);
    }

    /// Reads the 32 bits at `offset`, a multiple of 4 below 256, of a function on segment 0.
    pub fn get(&self, address: PciAddress, offset: u16) -> u32 {
        self.select(address, offset);
        self.data.read32(0)
    }

    /// Writes the 32 bits at `offset`, a multiple of 4 below 256, of a function on segment 0.
    pub fn set(&self, address: PciAddress, offset: u16, value: u32) {
        self.select(address, offset);
        self.data.write32(0, value);
    }
}

impl ConfigRegionAccess for QtestConfigPorts {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        self.get(address, offset)
    }

    unsafe fn write(&self, address: PciAddress, offset: u16, value: u32) {
        self.set(address, offset, value);
    }
}
