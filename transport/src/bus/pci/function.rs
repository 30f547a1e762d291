//! A PCI function: its identity, its BARs and its list of capabilities.
//!
//! All values come from the device and are checked: a capability list may be cyclic, a BAR may be of an unknown kind. The decoding
//! functions of `pci_types` panic on such input, so only its address type and its access trait are used.

use aerostat_spec::DeviceId;
use aerostat_spec::pci::{DEVICE_ID_BASE, TRANSITIONAL_FIRST, TRANSITIONAL_LAST, VENDOR_ID};
use pci_types::{ConfigRegionAccess, PciAddress};

use crate::bus::pci::bar::{BarIndex, BarRange, Space};
use crate::bus::transport::BusMaster;
use crate::io::Io;

/// Offset of vendor and device id.
const IDS: u16 = 0x00;
/// Offset of command and status.
const COMMAND: u16 = 0x04;
/// Offset of the dword whose lowest byte is the revision.
#[cfg(feature = "legacy")]
const REVISION: u16 = 0x08;
/// Offset of the dword whose third byte is the header type.
const HEADER: u16 = 0x0c;
/// Offset of subsystem vendor and subsystem id.
const SUBSYSTEM: u16 = 0x2c;
/// Offset of the pointer to the first capability.
const CAPABILITIES: u16 = 0x34;
/// Bit of the status register, in the dword at [`COMMAND`]: the function has a list of capabilities.
const HAS_CAPABILITIES: u32 = 1 << 20;
/// The largest number of capabilities that fits behind the header.
const MAX_CAPABILITIES: usize = (256 - 64) / 4;

/// Bit of the command register: the function may access memory.
const BUS_MASTER: u32 = 4;
/// Bits of the command register that enable the decoding of BARs: I/O space and memory space.
const DECODE: u32 = 1 | 2;
/// Bit of the command register: INTx is disabled.
const INTX_DISABLE: u32 = 1 << 10;
/// The command register in the dword at [`COMMAND`]. Writing ones to the status bits would clear them.
const COMMAND_BITS: u32 = 0xffff;

/// Bits of a BAR that tell a memory BAR and its type.
const MEMORY_TYPE: u32 = 7;
/// A memory BAR with 32 bits of address.
const MEMORY_32: u32 = 0;
/// A memory BAR with 64 bits of address, in two registers.
const MEMORY_64: u32 = 4;

/// A function on the PCI bus, accessed through `C`.
#[derive(Clone, Debug)]
pub struct PciFunction<C> {
    access: C,
    address: PciAddress,
}

impl<C: ConfigRegionAccess> PciFunction<C> {
    /// Returns the function at `address`.
    pub const fn new(access: C, address: PciAddress) -> Self {
        Self { access, address }
    }

    /// Returns the address of the function.
    pub const fn address(&self) -> PciAddress {
        self.address
    }

    /// Returns the virtio device id of the function; `None` if it is not a virtio device or does not exist.
    ///
    /// Revision and subsystem vendor do not matter. A transitional device has its type as subsystem id.
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

    /// Returns whether the device may have the legacy interface by its PCI device id and revision ("Legacy Interfaces: A Note on
    /// PCI Device Discovery", 4.1.2.3).
    #[cfg(feature = "legacy")]
    pub(crate) fn may_be_legacy(&self) -> bool {
        let device = (self.read(IDS) >> 16) as u16;
        let revision = self.read(REVISION) as u8;
        (TRANSITIONAL_FIRST..=TRANSITIONAL_LAST).contains(&device) && revision == 0
    }

    /// Reads the dword at `offset`, rounded down to a multiple of 4.
    // Not inlined, because there are many callers, and an access through ports is long.
    #[inline(never)]
    pub(crate) fn read(&self, offset: u16) -> u32 {
        // SAFETY: the offset is that of a dword in the 256 bytes that every function has. A function that does not exist reads
        // all ones.
        unsafe { self.access.read(self.address, offset & 0xfc) }
    }

    /// Writes the dword at `offset`, rounded down to a multiple of 4.
    #[inline(never)]
    pub(crate) fn write(&self, offset: u16, value: u32) {
        // SAFETY: as for `read`. This module writes the command register, BARs while they are not decoded, and capabilities of the
        // driver's own device.
        unsafe { self.access.write(self.address, offset & 0xfc, value) }
    }

    /// Enables the decoding of BARs and INTx, and disables bus mastering, which an earlier driver may have left enabled.
    pub(crate) fn enable(&self) {
        self.replace_command(DECODE, BUS_MASTER | INTX_DISABLE);
    }

    /// Allows or forbids the function to access memory. Interrupts by messages are such accesses.
    pub(crate) fn set_bus_master(&self, bus_master: BusMaster) {
        match bus_master {
            BusMaster::Allowed => self.replace_command(BUS_MASTER, 0),
            BusMaster::Forbidden => self.replace_command(0, BUS_MASTER),
        }
    }

    /// Calls `work` while the function may not access memory. Afterwards it may again, if it could before.
    pub(crate) fn without_bus_master<R>(&self, work: impl FnOnce(&Self) -> R) -> R {
        let was_allowed = self.read(COMMAND) & BUS_MASTER != 0;
        self.set_bus_master(BusMaster::Forbidden);
        let result = work(self);
        if was_allowed {
            self.set_bus_master(BusMaster::Allowed);
        }
        result
    }

    /// Sets and clears bits of the command register.
    fn replace_command(&self, set: u32, clear: u32) {
        self.write(COMMAND, (self.read(COMMAND) & COMMAND_BITS & !clear) | set);
    }

    /// Returns the range of a BAR. `None` if the function does not have it, if it has no address, if its contents are invalid, or
    /// if the register is the upper half of a 64-bit BAR.
    ///
    /// The length is found by probing, during which the function does not decode any of its BARs. A driver may need them while
    /// bus mastering is enabled, so the result is `None` then, and nothing is written. [`Pci::new`](crate::Pci::new),
    /// [`LegacyPci::new`](crate::LegacyPci::new) and [`Msix::enable`](crate::pci::Msix::enable) disable bus mastering first.
    pub fn bar(&self, bar: BarIndex) -> Option<BarRange> {
        // Functions with another header type have other registers there.
        if self.virtio_device().is_none() || (self.read(HEADER) >> 16) & 0x7f != 0 {
            return None;
        }
        // Read once: the value that is checked is the value that probing writes back.
        let command = self.read(COMMAND) & COMMAND_BITS;
        if command & BUS_MASTER != 0 || self.is_upper_half(bar) {
            return None;
        }
        match self.read(bar.offset()) {
            low if low & 1 != 0 => self.io_bar(bar, low, command),
            low => self.memory_bar(bar, low, command),
        }
    }

    /// Returns whether a register is the upper half of the BAR before it. The type of a BAR is in its lower half only.
    fn is_upper_half(&self, bar: BarIndex) -> bool {
        bar.before().fold(false, |is_upper, lower| !is_upper && self.read(lower.offset()) & MEMORY_TYPE == MEMORY_64)
    }

    fn io_bar(&self, bar: BarIndex, value: u32, command: u32) -> Option<BarRange> {
        let mask = self.probe(bar.offset(), value, command) & !3;
        // The upper half may be read-only, because a PC has 65536 ports.
        let mask = if mask >> 16 == 0 { mask | 0xffff_0000 } else { mask };
        BarRange::of_bar(Space::Ports, u64::from(value & !3), u64::from(mask) | u64::MAX << 32)
    }

    fn memory_bar(&self, bar: BarIndex, low: u32, command: u32) -> Option<BarRange> {
        let (address, mask) = (u64::from(low & !0xf), u64::from(self.probe(bar.offset(), low, command) & !0xf));
        match low & MEMORY_TYPE {
            MEMORY_32 => BarRange::of_bar(Space::Memory, address, mask | u64::MAX << 32),
            // The next register has the upper half.
            MEMORY_64 => {
                let upper = BarIndex::new(bar.get() + 1)?.offset();
                let high = self.read(upper);
                let high_mask = self.probe(upper, high, command);
                BarRange::of_bar(Space::Memory, address | u64::from(high) << 32, mask | u64::from(high_mask) << 32)
            }
            _ => None,
        }
    }

    /// Returns the writable bits of a BAR, with decoding disabled in the meantime. `value` and `command` are the values of its
    /// register and of the command register, and are written back.
    fn probe(&self, offset: u16, value: u32, command: u32) -> u32 {
        self.write(COMMAND, command & !DECODE);
        self.write(offset, u32::MAX);
        let mask = self.read(offset);
        self.write(offset, value);
        self.write(COMMAND, command);
        mask
    }

    /// Returns the registers of a capability.
    pub(crate) fn registers_of(&self, capability: Capability) -> CapabilityRegisters<'_, C> {
        CapabilityRegisters { function: self, offset: capability.offset }
    }

    /// Returns the capabilities of the function. A cyclic list is cut off.
    pub(crate) fn capabilities(&self) -> Capabilities<'_, C> {
        let next = match self.read(COMMAND) & HAS_CAPABILITIES {
            0 => 0,
            _ => self.read(CAPABILITIES) as u8,
        };
        Capabilities { function: self, next, remaining: MAX_CAPABILITIES }
    }
}

/// The configuration space of a function from the start of a capability.
#[derive(Debug)]
pub(crate) struct CapabilityRegisters<'a, C> {
    function: &'a PciFunction<C>,
    offset: u8,
}

impl<C> Clone for CapabilityRegisters<'_, C> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<C: ConfigRegionAccess> CapabilityRegisters<'_, C> {
    /// Returns the dword around `offset`, shifted so that the bits at `offset` are the lowest.
    // Not inlined, because each register of a capability needs it.
    #[inline(never)]
    fn dword(&self, offset: usize) -> u32 {
        let at = usize::from(self.offset) + offset;
        if at > 0xff { u32::MAX } else { self.function.read(at as u16) >> (8 * (at % 4)) }
    }

    /// Replaces bits in the dword around `offset`. `value` and `mask` have the bits at `offset` as their lowest.
    fn replace(&self, offset: usize, value: u32, mask: u32) {
        let at = usize::from(self.offset) + offset;
        if at <= 0xff {
            let shift = 8 * (at % 4);
            let others = if mask == u32::MAX { 0 } else { self.function.read(at as u16) & !(mask << shift) };
            self.function.write(at as u16, others | value << shift);
        }
    }
}

// SAFETY: each access inside the block is an access to the function's configuration space at that offset.
unsafe impl<C: ConfigRegionAccess> Io for CapabilityRegisters<'_, C> {
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

/// A capability in the configuration space of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    pub(crate) id: u8,
    pub(crate) offset: u8,
}

/// An iterator over the list of capabilities.
#[derive(Debug)]
pub(crate) struct Capabilities<'a, C> {
    function: &'a PciFunction<C>,
    next: u8,
    remaining: usize,
}

impl<C: ConfigRegionAccess> Iterator for Capabilities<'_, C> {
    type Item = Capability;

    fn next(&mut self) -> Option<Capability> {
        let offset = self.next & !3;
        if offset < 0x40 || self.remaining == 0 {
            return None;
        }
        self.remaining -= 1;
        let header = self.function.read(offset.into());
        self.next = (header >> 8) as u8;
        Some(Capability { id: header as u8, offset })
    }
}
