//! The device on PCI, with the modern interface: its structures in one BAR, and the configuration space that describes them.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use aerostat_balloon::spec::{Block as _, balloon};
use aerostat_transport::Io;
use aerostat_transport::pci::{BarRange, PciFunction};
use aerostat_transport::pci_types::{ConfigRegionAccess, PciAddress};
use virtio_bindings::virtio_mmio::*;

use crate::device::{Accesses, AckDevice, QUEUES};

/// The address of the BAR, and its length: one page for each structure.
const BAR: u32 = 0xfd00_0000;
const BAR_LEN: u32 = 0x4000;
/// Offsets of the structures.
const NOTIFY: u32 = 0x1000;
const ISR: u32 = 0x2000;
const DEVICE: u32 = 0x3000;
/// Offsets in configuration space, in dwords.
const COMMAND: usize = 1;
const FIRST_BAR: usize = 4;
/// Bytes from one notification register to the next.
const NOTIFY_STRIDE: u32 = 4;

/// A PCI function with the device. Clones are handles of the same function.
#[derive(Clone)]
pub struct AckFunction {
    device: AckDevice,
    space: Rc<RefCell<[u32; 64]>>,
}

impl AckFunction {
    /// Returns a function with its BAR assigned, as firmware leaves it.
    pub fn new(device: AckDevice) -> Self {
        let mut space = [0; 64];
        (space[0], space[COMMAND], space[2], space[FIRST_BAR]) = (0x1045_1af4, 0x10_0000, 1, BAR);
        (space[11], space[13]) = (0x1100_1af4, 0x40);
        // Of each capability: where it is and where the next one is, its length and kind, and the structure.
        for (at, next, len, kind, offset, bytes) in [
            (0x40, 0x50, 16, 1, 0, 56),
            (0x50, 0x64, 20, 2, NOTIFY, NOTIFY_STRIDE * QUEUES as u32),
            (0x64, 0x74, 16, 3, ISR, 1),
            (0x74, 0, 16, 4, DEVICE, balloon::config::Space::LEN as u32),
        ] {
            space[at / 4] = 9 | next << 8 | len << 16 | kind << 24;
            (space[at / 4 + 2], space[at / 4 + 3]) = (offset, bytes);
        }
        space[0x50 / 4 + 4] = NOTIFY_STRIDE;
        Self { device, space: Rc::new(RefCell::new(space)) }
    }

    /// Returns the function as a driver accesses it.
    pub fn function(&self) -> PciFunction<Self> {
        PciFunction::new(self.clone(), PciAddress::new(0, 0, 1, 0))
    }

    /// Maps a range of the BAR.
    pub fn map(&self, range: BarRange) -> Option<AckBar> {
        let offset = range.address.checked_sub(BAR.into())?;
        Some(AckBar { device: self.device.clone(), offset: offset as usize, len: range.len as usize })
    }
}

impl ConfigRegionAccess for AckFunction {
    unsafe fn read(&self, _address: PciAddress, offset: u16) -> u32 {
        self.device.on_config_read(&self.space, offset)
    }

    unsafe fn write(&self, _address: PciAddress, offset: u16, value: u32) {
        self.device.on_config_write(&self.space, offset, value);
    }
}

/// A part of the BAR.
#[derive(Clone, Debug)]
pub struct AckBar {
    device: AckDevice,
    offset: usize,
    len: usize,
}

// SAFETY: each access goes to the register at that offset, in program order.
unsafe impl Io for AckBar {
    fn len(&self) -> usize {
        self.len
    }

    fn read8(&self, offset: usize) -> u8 {
        self.device.on_bar_read(self.offset + offset) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.device.on_bar_read(self.offset + offset) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.device.on_bar_read(self.offset + offset)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.device.on_bar_write(self.offset + offset, value.into());
    }

    fn write16(&self, offset: usize, value: u16) {
        self.device.on_bar_write(self.offset + offset, value.into());
    }

    fn write32(&self, offset: usize, value: u32) {
        self.device.on_bar_write(self.offset + offset, value);
    }
}

impl AckDevice {
    #[inline(never)]
    fn on_config_read(&self, space: &RefCell<[u32; 64]>, offset: u16) -> u32 {
        self.count(Accesses::CONFIGURATION);
        space.borrow().get(usize::from(offset) / 4).copied().unwrap_or(u32::MAX)
    }

    #[inline(never)]
    fn on_config_write(&self, space: &RefCell<[u32; 64]>, offset: u16, value: u32) {
        self.count(Accesses::CONFIGURATION);
        let space = &mut *space.borrow_mut();
        match usize::from(offset) / 4 {
            COMMAND => space[COMMAND] = space[COMMAND] & 0xffff_0000 | value & 0xffff,
            FIRST_BAR => space[FIRST_BAR] = value & !(BAR_LEN - 1),
            _ => {}
        }
    }

    #[inline(never)]
    fn on_bar_read(&self, offset: usize) -> u32 {
        self.count(Accesses::REGISTER);
        match offset as u32 {
            // Number of queues, and the offset of the notification register of the selected one.
            18 => QUEUES as u32,
            30 => self.selected_queue() as u32,
            common if common < NOTIFY => mmio_read(common).map_or(0, |register| self.register(register as usize)),
            ISR => self.take_pending(),
            offset => self.register((offset - DEVICE + VIRTIO_MMIO_CONFIG) as usize),
        }
    }

    #[inline(never)]
    fn on_bar_write(&self, offset: usize, value: u32) {
        self.count(Accesses::REGISTER);
        match offset as u32 {
            common if common < NOTIFY => {
                if let Some(register) = mmio_write(common) {
                    self.set_register(register as usize, value);
                }
            }
            notify if notify < ISR => self.notified(value as usize),
            offset => self.set_register((offset - DEVICE + VIRTIO_MMIO_CONFIG) as usize, value),
        }
    }
}

/// Returns the MMIO register that has the value of a field of the common structure, for reads.
fn mmio_read(field: u32) -> Option<u32> {
    Some(match field {
        4 => VIRTIO_MMIO_DEVICE_FEATURES,
        20 => VIRTIO_MMIO_STATUS,
        24 => VIRTIO_MMIO_QUEUE_NUM_MAX,
        28 => VIRTIO_MMIO_QUEUE_READY,
        _ => return None,
    })
}

/// The same for writes.
fn mmio_write(field: u32) -> Option<u32> {
    Some(match field {
        0 => VIRTIO_MMIO_DEVICE_FEATURES_SEL,
        8 => VIRTIO_MMIO_DRIVER_FEATURES_SEL,
        12 => VIRTIO_MMIO_DRIVER_FEATURES,
        20 => VIRTIO_MMIO_STATUS,
        22 => VIRTIO_MMIO_QUEUE_SEL,
        24 => VIRTIO_MMIO_QUEUE_NUM,
        28 => VIRTIO_MMIO_QUEUE_READY,
        32 => VIRTIO_MMIO_QUEUE_DESC_LOW,
        36 => VIRTIO_MMIO_QUEUE_DESC_HIGH,
        40 => VIRTIO_MMIO_QUEUE_AVAIL_LOW,
        44 => VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
        48 => VIRTIO_MMIO_QUEUE_USED_LOW,
        52 => VIRTIO_MMIO_QUEUE_USED_HIGH,
        _ => return None,
    })
}

impl fmt::Debug for AckFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckFunction").field("device", &self.device).finish_non_exhaustive()
    }
}
