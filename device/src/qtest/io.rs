//! Register access to a QEMU machine.

use aerostat_transport::pci::Space;
use aerostat_transport::{Io, Ports};

use super::client::Client;

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

/// A register region of a QEMU machine. Each access is one request over a socket.
///
/// If QEMU has exited or does not answer, reads return all ones and writes have no effect;
/// [`Qemu::check`](super::Qemu::check) returns the error.
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

    /// Returns the start address of the region.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Returns the address of an access, or `None` if it is not inside the region.
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
            (Space::Ports, Access::Bits8) => "inb",
            (Space::Ports, Access::Bits16) => "inw",
            (Space::Ports, Access::Bits32) => "inl",
        };
        self.client.request_number(&format!("{command} {at:#x}")) as u32
    }

    fn write(&self, offset: usize, access: Access, value: u32) {
        let Some(at) = self.at(offset, access) else { return };
        let command = match (self.space, access) {
            (Space::Memory, Access::Bits8) => "writeb",
            (Space::Memory, Access::Bits16) => "writew",
            (Space::Memory, Access::Bits32) => "writel",
            (Space::Ports, Access::Bits8) => "outb",
            (Space::Ports, Access::Bits16) => "outw",
            (Space::Ports, Access::Bits32) => "outl",
        };
        self.client.request_write(&format!("{command} {at:#x} {value:#x}"));
    }
}

// SAFETY: each access is one request to QEMU, which completes before the next one.
unsafe impl Io for QtestRegion {
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

/// The I/O ports of a QEMU machine.
#[derive(Clone, Debug)]
pub struct QtestPorts {
    all: QtestRegion,
}

impl QtestPorts {
    pub(super) fn new(client: Client) -> Self {
        Self { all: QtestRegion::new(client, Space::Ports, 0, 1 << 16) }
    }
}

// SAFETY: each access is one request to QEMU, which completes before the next one.
unsafe impl Ports for QtestPorts {
    fn read8(&self, port: u16) -> u8 {
        self.all.read8(port.into())
    }

    fn read16(&self, port: u16) -> u16 {
        self.all.read16(port.into())
    }

    fn read32(&self, port: u16) -> u32 {
        self.all.read32(port.into())
    }

    fn write8(&self, port: u16, value: u8) {
        self.all.write8(port.into(), value);
    }

    fn write16(&self, port: u16, value: u16) {
        self.all.write16(port.into(), value);
    }

    fn write32(&self, port: u16, value: u32) {
        self.all.write32(port.into(), value);
    }
}
