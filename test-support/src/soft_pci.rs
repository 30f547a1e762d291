//! A software PCI function: configuration space with BARs and capabilities, and the registers in its BARs.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use aerostat_device::accesses_by_width;
use aerostat_transport::Io;
use aerostat_transport::pci::{BarRange, PciFunction, Space};
use pci_types::{ConfigRegionAccess, PciAddress};

use crate::common_cfg::CommonCfg;

/// The kind of a base address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Not implemented: reads 0.
    Unavailable,
    /// In memory, below 4 GiB.
    Memory32 { address: u32, len: u32 },
    /// In memory, the lower half of two registers.
    Memory64 { address: u64, len: u64 },
    /// The upper half of the previous register.
    Upper,
    /// I/O ports.
    Ports { address: u32, len: u32 },
    /// Arbitrary: the value and its writable bits.
    Raw { value: u32, writable: u32 },
}

/// Bits of the command register: I/O space, memory space, bus master, INTx disabled.
pub const IO: u16 = 1;
pub const MEMORY: u16 = 2;
pub const MASTER: u16 = 4;
pub const LINE_DISABLED: u16 = 1 << 10;

/// Address of the first BAR of the usual function.
pub const BAR: u32 = 0xfe00_0000;
/// Offsets of the structures of the usual function in the BAR.
pub const COMMON: u32 = 0x000;
pub const ISR: u32 = 0x105;
pub const DEVICE: u32 = 0x200;
pub const NOTIFY: u32 = 0x400;
pub const NOTIFY_LEN: u32 = 0x100;
pub const TABLE: u32 = 0x1000;

/// Values of `cfg_type`.
pub const CFG_COMMON: u8 = 1;
pub const CFG_NOTIFY: u8 = 2;
pub const CFG_ISR: u8 = 3;
pub const CFG_DEVICE: u8 = 4;
pub const CFG_PCI: u8 = 5;

/// The function.
pub struct Config {
    pub bytes: [u8; 256],
    pub bars: [Bar; 6],
    /// The value of each BAR.
    values: [u32; 6],
    /// All writes in order: offset and value.
    pub written: Vec<(u16, u32)>,
    /// Number of dwords read, to detect an endless search.
    pub reads: u32,
    /// Offset of the capability that gives access to the BARs.
    pub window: Option<u8>,
    /// Offset of the next capability, and of the pointer to it.
    free: u8,
    link: u8,
}

/// A software PCI function. Clones are the same function.
#[derive(Clone)]
pub struct SoftPci {
    config: Rc<RefCell<Config>>,
    pub device: Rc<RefCell<CommonCfg>>,
    /// Whether a BAR was probed while decoded, or accessed while not decoded.
    violated: Rc<Cell<bool>>,
}

impl SoftPci {
    /// A test device with 8 KiB of BAR 0 and no capability.
    pub fn bare() -> Self {
        let mut bytes = [0; 256];
        bytes[..4].copy_from_slice(&[0xf4, 0x1a, 0x40 + 42, 0x10]);
        let mut config = Config {
            bytes,
            bars: [Bar::Unavailable; 6],
            values: [0; 6],
            written: vec![],
            reads: 0,
            window: None,
            free: 0x40,
            link: 0x34,
        };
        config.set_bar(0, Bar::Memory32 { address: BAR, len: 0x2000 });
        // The state after firmware: memory space is decoded, nothing else is enabled.
        config.bytes[4] = MEMORY as u8;
        Self {
            config: Rc::new(RefCell::new(config)),
            device: Rc::new(RefCell::new(CommonCfg::new(u64::from(BAR)))),
            violated: Rc::default(),
        }
    }

    /// A test device with all four structures in BAR 0, and a notification multiplier of 4.
    pub fn with_structures() -> Self {
        let function = Self::bare();
        function.structure(CFG_COMMON, 0, COMMON, 0x38);
        function.notify(0, NOTIFY, NOTIFY_LEN, 4);
        function.structure(CFG_ISR, 0, ISR, 1);
        function.structure(CFG_DEVICE, 0, DEVICE, 0x100);
        function
    }

    pub fn config(&self) -> RefMut<'_, Config> {
        self.config.borrow_mut()
    }

    /// Adds a virtio capability of 16 bytes and returns its offset.
    pub fn structure(&self, kind: u8, bar: u8, offset: u32, length: u32) -> u8 {
        self.virtio(16, 16, kind, bar, offset, length)
    }

    /// Adds a notification capability.
    pub fn notify(&self, bar: u8, offset: u32, length: u32, multiplier: u32) -> u8 {
        let at = self.virtio(20, 20, CFG_NOTIFY, bar, offset, length);
        self.config().put(at + 16, multiplier);
        at
    }

    /// Adds a capability for access to the BARs and returns its offset.
    pub fn window(&self) -> u8 {
        let at = self.virtio(20, 20, CFG_PCI, 0, 0, 0);
        self.config().window = Some(at);
        at
    }

    /// Returns address and number of bits of the selected register, if `offset` is that of the window's data.
    fn behind_window(&self, offset: u16) -> Option<(u64, u32)> {
        let config = self.config();
        let at = config.window.filter(|at| offset == u16::from(*at) + 16)?;
        let bar = usize::from(config.bytes[usize::from(at) + 4]);
        let (start, len) = (config.read(u16::from(at) + 8), config.read(u16::from(at) + 12));
        assert!(bar < 6 && matches!(len, 1 | 2 | 4) && start.is_multiple_of(len), "BAR {bar}, {start:#x}, {len}");
        drop(config);
        if self.command() & MEMORY == 0 {
            self.violated.set(true);
        }
        Some((u64::from(self.config().first_value(bar) & !0xf) + u64::from(start), 8 * len))
    }

    /// Adds a virtio capability of `room` bytes with the length field `cap_len`.
    pub fn virtio(&self, room: u8, cap_len: u8, kind: u8, bar: u8, offset: u32, length: u32) -> u8 {
        let at = self.capability(0x09, room);
        let config = &mut *self.config();
        config.bytes[usize::from(at) + 2] = cap_len;
        config.bytes[usize::from(at) + 3] = kind;
        config.bytes[usize::from(at) + 4] = bar;
        config.put(at + 8, offset);
        config.put(at + 12, length);
        at
    }

    /// Adds a capability to the end of the list.
    pub fn capability(&self, id: u8, room: u8) -> u8 {
        let config = &mut *self.config();
        let at = config.free;
        config.free += room.next_multiple_of(4);
        config.bytes[6] |= 0x10;
        config.bytes[usize::from(config.link)] = at;
        config.bytes[usize::from(at)] = id;
        config.link = at + 1;
        at
    }

    /// Returns the function as a driver accesses it.
    pub fn reach(&self) -> PciFunction<SoftPci> {
        PciFunction::new(self.clone(), PciAddress::new(0, 0, 3, 0))
    }

    /// Returns a `MapBar` that records the ranges it maps.
    pub fn mapper(&self, mapped: &Rc<RefCell<Vec<BarRange>>>) -> impl FnMut(BarRange) -> Option<BarRegisters> + use<> {
        let (function, mapped) = (self.clone(), Rc::clone(mapped));
        move |range| {
            mapped.borrow_mut().push(range);
            Some(BarRegisters { function: function.clone(), range })
        }
    }

    /// The command register.
    pub fn command(&self) -> u16 {
        let config = self.config();
        u16::from_le_bytes([config.bytes[4], config.bytes[5]])
    }

    /// Checks that BARs were probed only while not decoded and accessed only while decoded, and that they have their first values.
    pub fn assert_careful(&self) {
        assert!(!self.violated.get(), "a BAR was probed while decoded, or reached while not");
        let config = self.config();
        for (bar, value) in config.bars.iter().zip(config.values).enumerate().map(|(at, (_, value))| (at, value)) {
            assert_eq!(value, config.first_value(bar), "BAR {bar} has its address");
        }
        for &(offset, value) in &config.written {
            assert!(matches!(offset, 4 | 0x10..0x28), "{value:#x} written at {offset:#x}");
            assert!(offset != 4 || value >> 16 == 0, "status bits cleared: {value:#x}");
        }
    }
}

impl Config {
    pub fn put(&mut self, at: u8, value: u32) {
        self.bytes[usize::from(at)..usize::from(at) + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn set_bar(&mut self, bar: usize, kind: Bar) {
        self.bars[bar] = kind;
        self.values[bar] = self.first_value(bar);
        if let Bar::Memory64 { .. } = kind
            && bar < 5
        {
            self.set_bar(bar + 1, Bar::Upper);
        }
    }

    fn first_value(&self, bar: usize) -> u32 {
        match self.bars[bar] {
            Bar::Unavailable => 0,
            Bar::Memory32 { address, .. } => address,
            Bar::Memory64 { address, .. } => address as u32 | 4,
            Bar::Upper => match self.bars[bar - 1] {
                Bar::Memory64 { address, .. } => (address >> 32) as u32,
                other => panic!("{other:?} has no upper half"),
            },
            Bar::Ports { address, .. } => address | 1,
            Bar::Raw { value, .. } => value,
        }
    }

    fn writable(&self, bar: usize) -> u32 {
        match self.bars[bar] {
            Bar::Unavailable => 0,
            Bar::Memory32 { len, .. } => len.wrapping_neg() & !0xf,
            Bar::Memory64 { len, .. } => len.wrapping_neg() as u32 & !0xf,
            Bar::Upper => match self.bars[bar - 1] {
                Bar::Memory64 { len, .. } => (len.wrapping_neg() >> 32) as u32,
                other => panic!("{other:?} has no upper half"),
            },
            // 16 bits are decoded, as on a PC.
            Bar::Ports { len, .. } => len.wrapping_neg() & 0xfffc,
            Bar::Raw { writable, .. } => writable,
        }
    }

    fn read(&self, offset: u16) -> u32 {
        if (0x10..0x28).contains(&offset) {
            return self.values[usize::from(offset - 0x10) / 4];
        }
        let at = usize::from(offset);
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    fn write(&mut self, offset: u16, value: u32) {
        self.written.push((offset, value));
        if (0x10..0x28).contains(&offset) {
            let bar = usize::from(offset - 0x10) / 4;
            let writable = self.writable(bar);
            self.values[bar] = self.values[bar] & !writable | value & writable;
        } else if offset == 4 {
            self.bytes[4..6].copy_from_slice(&(value as u16).to_le_bytes());
        } else {
            self.put(offset as u8, value);
        }
    }
}

impl ConfigRegionAccess for SoftPci {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        if let Some((at, bits)) = self.behind_window(offset) {
            return self.device.borrow_mut().read(at, bits);
        }
        let config = &mut *self.config();
        config.reads += 1;
        assert!(offset.is_multiple_of(4) && offset < 256, "{offset:#x}");
        if address == PciAddress::new(0, 0, 3, 0) { config.read(offset) } else { u32::MAX }
    }

    unsafe fn write(&self, _address: PciAddress, offset: u16, value: u32) {
        assert!(offset.is_multiple_of(4) && offset < 256, "{offset:#x}");
        let decoded = self.command() & (IO | MEMORY) != 0;
        if (0x10..0x28).contains(&offset) && decoded {
            self.violated.set(true);
        }
        match self.behind_window(offset) {
            // The upper bytes of the register are ignored.
            Some((at, bits)) => self.device.borrow_mut().write(at, bits, value & u32::MAX >> (32 - bits)),
            None => self.config().write(offset, value),
        }
    }
}

/// Registers in a BAR.
#[derive(Clone)]
pub struct BarRegisters {
    function: SoftPci,
    pub range: BarRange,
}

impl BarRegisters {
    /// The device, at an address of the bus.
    fn at(&self, offset: usize) -> (RefMut<'_, CommonCfg>, u64) {
        let decoded = match self.range.space {
            Space::Memory => MEMORY,
            Space::Ports => IO,
        };
        if self.function.command() & decoded == 0 {
            self.function.violated.set(true);
        }
        (self.function.device.borrow_mut(), self.range.address + offset as u64)
    }

    fn read(&self, offset: usize, bits: u32) -> u32 {
        let (mut device, at) = self.at(offset);
        device.read(at, bits)
    }

    fn write(&self, offset: usize, bits: u32, value: u32) {
        let (mut device, at) = self.at(offset);
        device.write(at, bits, value);
    }
}

// SAFETY: every access is performed on the model, in order; the model accesses no memory.
unsafe impl Io for BarRegisters {
    fn len(&self) -> usize {
        self.range.len as usize
    }

    accesses_by_width!();
}

impl std::fmt::Debug for SoftPci {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SoftPci")
    }
}

impl std::fmt::Debug for BarRegisters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BarRegisters({:?})", self.range)
    }
}
