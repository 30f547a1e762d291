//! A PCI function: its identity, its BARs and its list of capabilities.
//!
//! All of it comes from the device, so that nothing here trusts a value: capability lists may be cyclic, BARs may be of
//! kinds that do not exist. (The functions of `pci_types` that decode these panic on such input; only its address type
//! and its access trait are used.)

use aerostat_spec::DeviceId;
use aerostat_spec::pci::{DEVICE_ID_BASE, TRANSITIONAL_FIRST, TRANSITIONAL_LAST, VENDOR_ID};
use pci_types::{ConfigRegionAccess, PciAddress};

use crate::io::Io;

/// Offset of vendor and device id.
const IDS: u16 = 0x00;
/// Offset of command and status.
const COMMAND: u16 = 0x04;
/// Offset of the dword whose first byte is the revision.
const REVISION: u16 = 0x08;
/// Offset of the dword whose third byte is the header type.
const HEADER: u16 = 0x0c;
/// Offset of the first BAR.
const BARS: u16 = 0x10;
/// Offset of subsystem vendor and subsystem id.
const SUBSYSTEM: u16 = 0x2c;
/// Offset of the pointer to the first capability.
const CAPABILITIES: u16 = 0x34;
/// Bit of the status register: the function has a list of capabilities.
const HAS_CAPABILITIES: u32 = 1 << 20;
/// Capabilities lie behind the header, so that there is no room for more than this many.
const MOST_CAPABILITIES: usize = (256 - 64) / 4;

/// Bits of the command register: I/O space, memory space, bus master.
const ENABLE: u32 = 1 | 2 | 4;
/// Bits of the command register that let BARs be decoded: I/O space and memory space.
const DECODE: u32 = 1 | 2;
/// Bit of the command register: the interrupt line is disabled.
const LINE_DISABLED: u32 = 1 << 10;
/// The status bits next to the command register are cleared by writing ones: write zeros.
const COMMAND_BITS: u32 = 0xffff;

/// A function on the PCI bus, reached through `C`.
#[derive(Clone, Debug)]
pub struct PciFunction<C> {
    access: C,
    address: PciAddress,
}

/// One of the six base address registers of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BarIndex(u8);

impl BarIndex {
    /// The register, if there is one of that number.
    pub const fn new(index: u8) -> Option<Self> {
        if index < 6 { Some(Self(index)) } else { None }
    }

    /// The first register.
    pub const FIRST: Self = Self(0);

    /// As a number, 0 to 5.
    pub const fn get(self) -> u8 {
        self.0
    }

    const fn offset(self) -> u16 {
        BARS + 4 * self.0 as u16
    }
}

/// Where a BAR is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// In memory.
    Memory,
    /// In I/O space.
    Ports,
}

/// A range of addresses that a function answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BarRange {
    /// In memory or in I/O space.
    pub space: Space,
    /// The first address, as the bus sees it.
    pub address: u64,
    /// Length in bytes.
    pub len: u64,
}

impl BarRange {
    /// The part of the range at `offset`, or `None` where it does not reach that far.
    pub const fn part(self, offset: u64, len: u64) -> Option<Self> {
        match (offset.checked_add(len), self.address.checked_add(offset)) {
            (Some(end), Some(address)) if end <= self.len => Some(Self { space: self.space, address, len }),
            _ => None,
        }
    }
}

impl<C: ConfigRegionAccess> PciFunction<C> {
    /// The function at `address`.
    pub const fn new(access: C, address: PciAddress) -> Self {
        Self { access, address }
    }

    /// The address of the function.
    pub const fn address(&self) -> PciAddress {
        self.address
    }

    /// The virtio device id of the function; `None` where it is no virtio device or no function at all.
    ///
    /// Any revision and any subsystem vendor will do; a transitional device tells its type as subsystem id.
    pub fn virtio_device(&self) -> Option<DeviceId> {
        let ids = self.read(IDS);
        let (vendor, device) = (ids as u16, (ids >> 16) as u16);
        if vendor != VENDOR_ID {
            None
        } else if (TRANSITIONAL_FIRST..=TRANSITIONAL_LAST).contains(&device) {
            Some(DeviceId(self.read(SUBSYSTEM) >> 16))
        } else {
            device.checked_sub(DEVICE_ID_BASE).filter(|&id| id > 0 && id < 0x40).map(|id| DeviceId(id.into()))
        }
    }

    /// Whether PCI device id and revision are those of a device that may have the legacy interface ("Legacy Interfaces: A
    /// Note on PCI Device Discovery", 4.1.2.3).
    pub(crate) fn may_be_legacy(&self) -> bool {
        let device = (self.read(IDS) >> 16) as u16;
        let revision = self.read(REVISION) as u8;
        (TRANSITIONAL_FIRST..=TRANSITIONAL_LAST).contains(&device) && revision == 0
    }

    /// Reads the dword at `offset`, rounded down to a multiple of 4.
    pub(crate) fn read(&self, offset: u16) -> u32 {
        // SAFETY: the offset is a dword of the 256 bytes that every function has; a function that does not exist reads
        // all ones.
        unsafe { self.access.read(self.address, offset & 0xfc) }
    }

    /// Writes the dword at `offset`, rounded down to a multiple of 4.
    pub(crate) fn write(&self, offset: u16, value: u32) {
        // SAFETY: as for `read`; what this module writes are the command register, BARs while they are not decoded, and
        // capabilities of the driver's own device.
        unsafe { self.access.write(self.address, offset & 0xfc, value) }
    }

    /// Lets the function decode its BARs, reach memory, and use its interrupt line.
    pub(crate) fn enable(&self) {
        self.write(COMMAND, (self.read(COMMAND) & COMMAND_BITS & !LINE_DISABLED) | ENABLE);
    }

    /// Where a BAR is and how long. `None` where the function does not have it, where it was given no address, or where
    /// what the function says of it makes no sense.
    ///
    /// Learning the length takes a moment in which the function does not answer to any of its BARs.
    pub fn bar(&self, bar: BarIndex) -> Option<BarRange> {
        // Other kinds of functions have other registers in this place.
        if self.virtio_device().is_none() || (self.read(HEADER) >> 16) & 0x7f != 0 {
            return None;
        }
        let low = self.read(bar.offset());
        if low & 1 != 0 {
            let mask = self.probe(bar.offset()) & !3;
            // The upper half may not be there: a PC has 65536 ports.
            let mask = if mask >> 16 == 0 { mask | 0xffff_0000 } else { mask };
            return range(Space::Ports, u64::from(low & !3), u64::from(mask) | u64::MAX << 32);
        }
        let upper = match low >> 1 & 3 {
            0 => None,
            2 => Some(BarIndex::new(bar.get() + 1)?),
            _ => return None,
        };
        let (mut address, mut mask) = (u64::from(low & !0xf), u64::from(self.probe(bar.offset()) & !0xf));
        if let Some(upper) = upper {
            address |= u64::from(self.read(upper.offset())) << 32;
            mask |= u64::from(self.probe(upper.offset())) << 32;
        }
        if upper.is_none() {
            mask |= u64::MAX << 32;
        }
        range(Space::Memory, address, mask)
    }

    /// Which bits of a BAR can be written.
    fn probe(&self, offset: u16) -> u32 {
        let command = self.read(COMMAND) & COMMAND_BITS;
        let value = self.read(offset);
        self.write(COMMAND, command & !DECODE);
        self.write(offset, u32::MAX);
        let mask = self.read(offset);
        self.write(offset, value);
        self.write(COMMAND, command);
        mask
    }

    /// The configuration space from a capability on.
    pub(crate) fn behind(&self, capability: Capability) -> Behind<'_, C> {
        Behind { function: self, offset: capability.offset }
    }

    /// The capabilities of the function, each with its id. A list that does not end is cut off.
    pub(crate) fn capabilities(&self) -> Capabilities<'_, C> {
        let next = match self.read(COMMAND) & HAS_CAPABILITIES {
            0 => 0,
            _ => self.read(CAPABILITIES) as u8,
        };
        Capabilities { function: self, next, left: MOST_CAPABILITIES }
    }
}

/// The configuration space of a function from some offset on, as registers.
#[derive(Debug)]
pub(crate) struct Behind<'a, C> {
    function: &'a PciFunction<C>,
    offset: u8,
}

impl<C> Clone for Behind<'_, C> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<C: ConfigRegionAccess> Behind<'_, C> {
    /// The bits of the dword around `offset`, moved so that those at `offset` are the lowest.
    // It would be there for every register of a capability.
    #[inline(never)]
    fn dword(&self, offset: usize) -> u32 {
        let at = usize::from(self.offset) + offset;
        if at > 0xff { u32::MAX } else { self.function.read(at as u16) >> (8 * (at % 4)) }
    }

    /// Replaces the bits of `mask`, which is moved to `offset` like `value`, in the dword around `offset`.
    fn replace(&self, offset: usize, value: u32, mask: u32) {
        let at = usize::from(self.offset) + offset;
        if at <= 0xff {
            let shift = 8 * (at % 4);
            let others = if mask == u32::MAX { 0 } else { self.function.read(at as u16) & !(mask << shift) };
            self.function.write(at as u16, others | value << shift);
        }
    }
}

// SAFETY: each access is one of the function's configuration space at that offset, or none at all.
unsafe impl<C: ConfigRegionAccess> Io for Behind<'_, C> {
    fn len(&self) -> usize {
        256 - usize::from(self.offset)
    }

    fn read8(&self, offset: usize) -> u8 {
        self.dword(offset) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.dword(offset) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.dword(offset)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.replace(offset, value.into(), 0xff);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.replace(offset, value.into(), 0xffff);
    }

    fn write32(&self, offset: usize, value: u32) {
        self.replace(offset, value, u32::MAX);
    }
}

/// The range of a BAR of which the bits of `mask` can be written, where that makes sense: the bits that cannot are the
/// lowest ones, the address is a multiple of the length, and there is an address.
fn range(space: Space, address: u64, mask: u64) -> Option<BarRange> {
    let len = (!mask).checked_add(1)?;
    let makes_sense = len.is_power_of_two() && address.is_multiple_of(len) && address != 0;
    (makes_sense && address.checked_add(len).is_some()).then_some(BarRange { space, address, len })
}

/// A capability in the configuration space of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    pub(crate) id: u8,
    pub(crate) offset: u8,
}

/// Walks the list of capabilities.
#[derive(Debug)]
pub(crate) struct Capabilities<'a, C> {
    function: &'a PciFunction<C>,
    next: u8,
    left: usize,
}

impl<C: ConfigRegionAccess> Iterator for Capabilities<'_, C> {
    type Item = Capability;

    fn next(&mut self) -> Option<Capability> {
        let offset = self.next & !3;
        if offset < 0x40 || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let header = self.function.read(offset.into());
        self.next = (header >> 8) as u8;
        Some(Capability { id: header as u8, offset })
    }
}
