//! A PCI function in software: configuration space with BARs and capabilities, and what lies behind its BARs.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use aerostat_transport::Io;
use aerostat_transport::pci::{BarRange, PciFunction, Space};
use pci_types::{ConfigRegionAccess, PciAddress};

use super::common_cfg::CommonCfg;

/// What a base address register is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bar {
    /// Not there: reads 0 whatever is written.
    Unavailable,
    /// In memory, below 4 GiB.
    Memory32 { address: u32, len: u32 },
    /// In memory, the lower half of two registers.
    Memory64 { address: u64, len: u64 },
    /// The upper half of the one before.
    Upper,
    /// I/O ports.
    Ports { address: u32, len: u32 },
    /// Anything: the value, and which bits can be written.
    Raw { value: u32, writable: u32 },
}

/// Bits of the command register: I/O space, memory space, bus master, interrupt line disabled.
pub(crate) const IO: u16 = 1;
pub(crate) const MEMORY: u16 = 2;
pub(crate) const MASTER: u16 = 4;
pub(crate) const LINE_DISABLED: u16 = 1 << 10;

/// Where the first BAR of the usual function is.
pub(crate) const BAR: u32 = 0xfe00_0000;
/// The structures of the usual function, from the start of the BAR.
pub(crate) const COMMON: u32 = 0x000;
pub(crate) const ISR: u32 = 0x105;
pub(crate) const DEVICE: u32 = 0x200;
pub(crate) const NOTIFY: u32 = 0x400;
pub(crate) const NOTIFY_LEN: u32 = 0x100;
pub(crate) const TABLE: u32 = 0x1000;

/// Values of `cfg_type`.
pub(crate) const CFG_COMMON: u8 = 1;
pub(crate) const CFG_NOTIFY: u8 = 2;
pub(crate) const CFG_ISR: u8 = 3;
pub(crate) const CFG_DEVICE: u8 = 4;
pub(crate) const CFG_PCI: u8 = 5;

/// The function.
pub(crate) struct Config {
    pub(crate) bytes: [u8; 256],
    pub(crate) bars: [Bar; 6],
    /// What was last written to each BAR.
    values: [u32; 6],
    /// What was written, in order: offset and value.
    pub(crate) written: Vec<(u16, u32)>,
    /// Dwords read, to notice a search without end.
    pub(crate) reads: u32,
    /// Where the capability is that is a window onto the BARs.
    pub(crate) window: Option<u8>,
    /// Where the next capability goes, and where the pointer to it is.
    free: u8,
    link: u8,
}

/// A function that can be reached through configuration space. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Function {
    config: Rc<RefCell<Config>>,
    pub(crate) device: Rc<RefCell<CommonCfg>>,
    /// Whether the BARs were probed while they were decoded, or reached while they were not.
    careless: Rc<Cell<bool>>,
}

impl Function {
    /// A kite with 4 KiB of BAR 0 and no capability.
    pub(crate) fn bare() -> Self {
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
        // What firmware leaves: memory space decoded, the rest off.
        config.bytes[4] = MEMORY as u8;
        Self {
            config: Rc::new(RefCell::new(config)),
            device: Rc::new(RefCell::new(CommonCfg::new(u64::from(BAR)))),
            careless: Rc::default(),
        }
    }

    /// A kite with all four structures in BAR 0, and a multiplier of 4.
    pub(crate) fn kite() -> Self {
        let function = Self::bare();
        function.structure(CFG_COMMON, 0, COMMON, 0x38);
        function.notify(0, NOTIFY, NOTIFY_LEN, 4);
        function.structure(CFG_ISR, 0, ISR, 1);
        function.structure(CFG_DEVICE, 0, DEVICE, 0x100);
        function
    }

    pub(crate) fn config(&self) -> RefMut<'_, Config> {
        self.config.borrow_mut()
    }

    /// Adds a virtio capability of 16 bytes. Where it is.
    pub(crate) fn structure(&self, kind: u8, bar: u8, offset: u32, length: u32) -> u8 {
        self.virtio(16, 16, kind, bar, offset, length)
    }

    /// Adds a notification capability.
    pub(crate) fn notify(&self, bar: u8, offset: u32, length: u32, multiplier: u32) -> u8 {
        let at = self.virtio(20, 20, CFG_NOTIFY, bar, offset, length);
        self.config().put(at + 16, multiplier);
        at
    }

    /// Adds a capability that is a window onto the BARs. Where it is.
    pub(crate) fn window(&self) -> u8 {
        let at = self.virtio(20, 20, CFG_PCI, 0, 0, 0);
        self.config().window = Some(at);
        at
    }

    /// Where the window leads, if `offset` is that of its data: an address and a number of bits.
    fn behind_window(&self, offset: u16) -> Option<(u64, u32)> {
        let config = self.config();
        let at = config.window.filter(|at| offset == u16::from(*at) + 16)?;
        let bar = usize::from(config.bytes[usize::from(at) + 4]);
        let (start, len) = (config.read(u16::from(at) + 8), config.read(u16::from(at) + 12));
        assert!(bar < 6 && matches!(len, 1 | 2 | 4) && start.is_multiple_of(len), "BAR {bar}, {start:#x}, {len}");
        drop(config);
        if self.command() & MEMORY == 0 {
            self.careless.set(true);
        }
        Some((u64::from(self.config().first_value(bar) & !0xf) + u64::from(start), 8 * len))
    }

    /// Adds a virtio capability that takes `room` bytes and says that it has `cap_len`.
    pub(crate) fn virtio(&self, room: u8, cap_len: u8, kind: u8, bar: u8, offset: u32, length: u32) -> u8 {
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
    pub(crate) fn capability(&self, id: u8, room: u8) -> u8 {
        let config = &mut *self.config();
        let at = config.free;
        config.free += room.next_multiple_of(4);
        config.bytes[6] |= 0x10;
        config.bytes[usize::from(config.link)] = at;
        config.bytes[usize::from(at)] = id;
        config.link = at + 1;
        at
    }

    /// The function, as a driver reaches it.
    pub(crate) fn reach(&self) -> PciFunction<Function> {
        PciFunction::new(self.clone(), PciAddress::new(0, 0, 3, 0))
    }

    /// Maps ranges of its BARs, and notes which.
    pub(crate) fn mapper(&self, mapped: &Rc<RefCell<Vec<BarRange>>>) -> impl FnMut(BarRange) -> Option<Behind> + use<> {
        let (function, mapped) = (self.clone(), Rc::clone(mapped));
        move |range| {
            mapped.borrow_mut().push(range);
            Some(Behind { function: function.clone(), range })
        }
    }

    /// The command register.
    pub(crate) fn command(&self) -> u16 {
        let config = self.config();
        u16::from_le_bytes([config.bytes[4], config.bytes[5]])
    }

    /// BARs were probed only while not decoded, and reached only while decoded; they read as they did at first.
    pub(crate) fn assert_careful(&self) {
        assert!(!self.careless.get(), "a BAR was probed while decoded, or reached while not");
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
    pub(crate) fn put(&mut self, at: u8, value: u32) {
        self.bytes[usize::from(at)..usize::from(at) + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn set_bar(&mut self, bar: usize, kind: Bar) {
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
            // Sixteen bits are decoded, as on a PC.
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

impl ConfigRegionAccess for Function {
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
            self.careless.set(true);
        }
        match self.behind_window(offset) {
            // The upper bytes of the register take no part.
            Some((at, bits)) => self.device.borrow_mut().write(at, bits, value & u32::MAX >> (32 - bits)),
            None => self.config().write(offset, value),
        }
    }
}

/// Registers in a BAR.
#[derive(Clone)]
pub(crate) struct Behind {
    function: Function,
    pub(crate) range: BarRange,
}

impl Behind {
    /// The device, at an address of the bus.
    fn at(&self, offset: usize) -> (RefMut<'_, CommonCfg>, u64) {
        let decoded = match self.range.space {
            Space::Memory => MEMORY,
            Space::Ports => IO,
        };
        if self.function.command() & decoded == 0 {
            self.function.careless.set(true);
        }
        (self.function.device.borrow_mut(), self.range.address + offset as u64)
    }
}

// SAFETY: every access reaches the model, in order; no memory is lent by what it answers.
unsafe impl Io for Behind {
    fn len(&self) -> usize {
        self.range.len as usize
    }

    fn read8(&self, offset: usize) -> u8 {
        let (mut device, at) = self.at(offset);
        device.read(at, 8) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        let (mut device, at) = self.at(offset);
        device.read(at, 16) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        let (mut device, at) = self.at(offset);
        device.read(at, 32)
    }

    fn write8(&self, offset: usize, value: u8) {
        let (mut device, at) = self.at(offset);
        device.write(at, 8, value.into());
    }

    fn write16(&self, offset: usize, value: u16) {
        let (mut device, at) = self.at(offset);
        device.write(at, 16, value.into());
    }

    fn write32(&self, offset: usize, value: u32) {
        let (mut device, at) = self.at(offset);
        device.write(at, 32, value);
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Function")
    }
}

impl std::fmt::Debug for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Behind({:?})", self.range)
    }
}
