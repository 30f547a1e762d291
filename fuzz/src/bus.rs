//! Where the registers are on each bus: offsets of MMIO, of the structures of PCI, of the legacy interfaces, and the
//! configuration space of the PCI function.

use crate::device::{Bus, Register};

/// A block of registers that the driver can access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// The registers of an MMIO device.
    Mmio,
    /// The memory BAR of a PCI function.
    Bar,
    /// The memory BAR that has the MSI-X table.
    Table,
    /// The I/O BAR of a PCI function.
    Ports,
    /// The configuration space of the PCI function.
    Function,
}

/// The I/O BAR.
pub(crate) const PORTS: (u64, u64) = (0xc000, 0x40);
/// The BAR with the MSI-X table.
pub(crate) const TABLE: (u64, u64) = (0xfebf_0000, 0x1000);
/// The BAR with the structures.
pub(crate) const BAR: (u64, u64) = (0x10_0000_0000, 0x4000);

const ISR_AT: u32 = 0x1000;
const CONFIG_AT: u32 = 0x2000;
const NOTIFY_AT: u32 = 0x3000;

/// Returns the register at an offset.
pub(crate) fn register(space: Space, bus: Bus, has_vectors: bool, offset: usize) -> Register {
    match (space, bus) {
        (Space::Mmio, _) => mmio(bus, offset),
        (Space::Bar, _) => bar(offset),
        (Space::Ports, _) => ports(has_vectors, offset),
        _ => Register::Other,
    }
}

fn mmio(bus: Bus, offset: usize) -> Register {
    let is_legacy = bus.is_legacy();
    match offset {
        0x000 => Register::Magic,
        0x004 => Register::Version,
        0x008 => Register::DeviceId,
        0x010 => Register::Features,
        0x014 => Register::FeaturesSelect,
        0x020 => Register::DriverFeatures,
        0x024 => Register::DriverFeaturesSelect,
        0x030 => Register::QueueSelect,
        0x034 => Register::QueueSizeMax,
        0x038 => Register::QueueSize,
        0x040 if is_legacy => Register::QueuePfn,
        0x044 if !is_legacy => Register::QueueEnable,
        0x050 => Register::Notify,
        0x060 => Register::Interrupt,
        0x064 => Register::InterruptAck,
        0x070 => Register::Status,
        0x080 => Register::QueueAddress(0),
        0x084 => Register::QueueAddress(1),
        0x090 => Register::QueueAddress(2),
        0x094 => Register::QueueAddress(3),
        0x0a0 => Register::QueueAddress(4),
        0x0a4 => Register::QueueAddress(5),
        0x0fc if !is_legacy => Register::Generation,
        0x100.. => Register::Config(offset - 0x100),
        _ => Register::Other,
    }
}

fn bar(offset: usize) -> Register {
    match offset {
        0x00 => Register::FeaturesSelect,
        0x04 => Register::Features,
        0x08 => Register::DriverFeaturesSelect,
        0x0c => Register::DriverFeatures,
        0x10 => Register::ConfigVector,
        0x12 => Register::NumQueues,
        0x14 => Register::Status,
        0x15 => Register::Generation,
        0x16 => Register::QueueSelect,
        0x18 => Register::QueueSize,
        0x1a => Register::QueueVector,
        0x1c => Register::QueueEnable,
        0x1e => Register::NotifyOffset,
        0x20..0x38 if offset.is_multiple_of(4) => Register::QueueAddress((offset as u8 - 0x20) / 4),
        0x1000 => Register::Interrupt,
        0x2000..0x3000 => Register::Config(offset - 0x2000),
        0x3000..0x4000 => Register::Notify,
        _ => Register::Other,
    }
}

fn ports(has_vectors: bool, offset: usize) -> Register {
    let config = if has_vectors { 0x18 } else { 0x14 };
    match offset {
        0x00 => Register::Features,
        0x04 => Register::DriverFeatures,
        0x08 => Register::QueuePfn,
        0x0c => Register::QueueSize,
        0x0e => Register::QueueSelect,
        0x10 => Register::Notify,
        0x12 => Register::Status,
        0x13 => Register::Interrupt,
        0x14 if has_vectors => Register::ConfigVector,
        0x16 if has_vectors => Register::QueueVector,
        _ if offset >= config => Register::Config(offset - config),
        _ => Register::Other,
    }
}

/// The configuration space of the PCI function: 64 registers of 32 bits.
#[derive(Debug)]
pub(crate) struct Function {
    words: [u32; 64],
    /// The bits of each BAR that the driver can write.
    masks: [u32; 6],
    /// The register that the ports 0xCF8 and 0xCFC select.
    pub(crate) selected: u32,
}

impl Function {
    /// Creates the configuration space of a balloon.
    pub(crate) fn new(bus: Bus, config_len: usize, multiplier: u32) -> Self {
        let mut words = [0; 64];
        let mut masks = [0; 6];
        words[0] = if bus.is_legacy() { 0x1002_1af4 } else { 0x1045_1af4 };
        words[1] = 1 << 20;
        words[2] = if bus.is_legacy() { 0 } else { 1 };
        words[11] = 5 << 16 | 0x1af4;
        words[4] = PORTS.0 as u32 | 1;
        masks[0] = !(PORTS.1 as u32 - 1);
        words[5] = TABLE.0 as u32;
        masks[1] = !(TABLE.1 as u32 - 1);
        words[8] = BAR.0 as u32 | 4;
        words[9] = (BAR.0 >> 32) as u32;
        masks[4] = !(BAR.1 as u32 - 1);
        masks[5] = u32::MAX;
        words[13] = 0x98;
        // MSI-X: 4 vectors, the table at the start of BAR 1.
        words[0x98 / 4] = 3 << 16 | if bus.is_legacy() { 0 } else { 0x40 << 8 } | 0x11;
        words[0x98 / 4 + 1] = 1;
        words[0x98 / 4 + 2] = 0x801;
        let mut capability = |at: usize, kind: u32, next: u32, len: u32, offset: u32, length: u32| {
            words[at / 4] = kind << 24 | len << 16 | next << 8 | 0x09;
            words[at / 4 + 1] = 4;
            words[at / 4 + 2] = offset;
            words[at / 4 + 3] = length;
        };
        if !bus.is_legacy() {
            capability(0x40, 1, 0x50, 16, 0, 0x40);
            capability(0x50, 3, 0x60, 16, ISR_AT, 1);
            capability(0x60, 4, 0x70, 16, CONFIG_AT, config_len as u32);
            capability(0x70, 2, 0x84, 20, NOTIFY_AT, 0x1000);
            capability(0x84, 5, 0, 20, 0, 0);
            words[0x80 / 4] = multiplier;
        }
        Self { words, masks, selected: 0 }
    }

    pub(crate) fn read(&self, offset: usize) -> u32 {
        self.words.get(offset / 4).copied().unwrap_or(u32::MAX)
    }

    /// Writes a register, if it can be written.
    pub(crate) fn write(&mut self, offset: usize, value: u32) {
        match offset {
            0x04 => self.words[1] = self.words[1] & 0xffff_0000 | value & 0xffff,
            0x10..0x28 => {
                let bar = (offset - 0x10) / 4;
                let mask = self.masks[bar];
                let low = if bar == 5 { 0 } else { self.words[offset / 4] & 0xf & !mask };
                self.words[offset / 4] = value & mask | low;
            }
            0x98 => self.words[0x98 / 4] = self.words[0x98 / 4] & 0x3fff_ffff | value & 0xc000_0000,
            // The capability for access to BARs.
            0x88..0x94 => self.words[offset / 4] = value,
            _ => {}
        }
    }

    /// Changes a register of the capability list or of a BAR, as the function of a hostile host has it.
    pub(crate) fn forge(&mut self, offset: usize, value: u32) {
        if let Some(word) = self.words.get_mut(offset / 4) {
            *word = value;
        }
    }

    /// Returns the place that the capability for access to BARs selects: BAR, offset and length.
    pub(crate) fn window(&self) -> (u32, u32, u32) {
        (self.words[0x88 / 4] & 0xff, self.words[0x8c / 4], self.words[0x90 / 4])
    }
}

/// Offset of the data register of the capability for access to BARs.
pub(crate) const WINDOW_DATA: usize = 0x94;
