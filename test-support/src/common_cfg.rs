//! The structures in the BARs of a software PCI device, with a record of each access.

use crate::soft_pci::{COMMON, DEVICE, ISR, NOTIFY, TABLE};
use crate::{RegisterAccess, Resets};

/// Offsets in the common configuration ("Common configuration structure layout", 4.1.4.3).
pub mod field {
    pub const DEVICE_FEATURE_SELECT: usize = 0x00;
    pub const DEVICE_FEATURE: usize = 0x04;
    pub const DRIVER_FEATURE_SELECT: usize = 0x08;
    pub const DRIVER_FEATURE: usize = 0x0c;
    pub const CONFIG_VECTOR: usize = 0x10;
    pub const NUM_QUEUES: usize = 0x12;
    pub const STATUS: usize = 0x14;
    pub const GENERATION: usize = 0x15;
    pub const QUEUE_SELECT: usize = 0x16;
    pub const QUEUE_SIZE: usize = 0x18;
    pub const QUEUE_VECTOR: usize = 0x1a;
    pub const QUEUE_ENABLE: usize = 0x1c;
    pub const QUEUE_NOTIFY_OFF: usize = 0x1e;
    pub const QUEUE_DESC: usize = 0x20;
    pub const QUEUE_RESET: usize = 0x3a;
}

/// A queue as the driver has set it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciQueue {
    pub size: u16,
    pub vector: u16,
    pub enable: u16,
    pub notify_off: u16,
    pub addresses: [u64; 3],
    /// The value of queue_reset.
    pub reset: u16,
}

/// The device.
pub struct CommonCfg {
    /// Address of the BAR on the bus.
    pub bar: u64,
    pub offered: u64,
    pub accepted: u64,
    pub status: u8,
    pub generation: u8,
    pub num_queues: u16,
    pub queues: Vec<PciQueue>,
    pub config_vector: u16,
    /// Vectors from this one are rejected.
    pub vectors: u16,
    pub isr: u8,
    pub resets: Resets,
    /// Accesses, with offsets from the start of the BAR.
    pub log: Vec<RegisterAccess>,
    features: [u32; 2],
    select: usize,
}

impl CommonCfg {
    pub fn new(bar: u64) -> Self {
        let queue =
            |notify_off| PciQueue { size: 8, vector: 0xffff, enable: 0, notify_off, addresses: [0; 3], reset: 0 };
        Self {
            bar,
            offered: 1 << 32,
            accepted: 0,
            status: 0,
            generation: 0,
            num_queues: 2,
            queues: vec![queue(0), queue(1)],
            config_vector: 0xffff,
            vectors: u16::MAX,
            isr: 0,
            resets: Resets::After(0),
            log: Vec::new(),
            features: [0; 2],
            select: 0,
        }
    }

    /// Returns the values written at an offset.
    pub fn written(&self, offset: usize) -> Vec<u32> {
        let value = |access: &RegisterAccess| match *access {
            RegisterAccess::Write(at, _, value) if at == offset => Some(value),
            _ => None,
        };
        self.log.iter().filter_map(value).collect()
    }

    pub fn read(&mut self, address: u64, bits: u32) -> u32 {
        let at = (address - self.bar) as usize;
        self.log.push(RegisterAccess::Read(at, bits));
        if at == ISR as usize {
            return u32::from(std::mem::take(&mut self.isr));
        }
        if at >= DEVICE as usize {
            return 0x5a5a_5a5a >> (32 - bits);
        }
        assert_width(at - COMMON as usize, bits);
        let queue = self.queues.get(self.select);
        match at - COMMON as usize {
            field::DEVICE_FEATURE => (self.offered >> (32 * self.features[0])) as u32,
            field::CONFIG_VECTOR => self.config_vector.into(),
            field::NUM_QUEUES => self.num_queues.into(),
            field::STATUS => self.status.into(),
            field::GENERATION => self.generation.into(),
            field::QUEUE_SIZE => queue.map_or(0, |queue| queue.size.into()),
            field::QUEUE_VECTOR => queue.map_or(0xffff, |queue| queue.vector.into()),
            field::QUEUE_ENABLE => queue.map_or(0, |queue| queue.enable.into()),
            field::QUEUE_NOTIFY_OFF => queue.map_or(0, |queue| queue.notify_off.into()),
            field::QUEUE_RESET => self.read_reset(),
            other => panic!("{bits} bits read at {other:#x}"),
        }
    }

    /// Returns the reset register of the queue, and counts down to the end of the reset.
    fn read_reset(&mut self) -> u32 {
        let queue = &mut self.queues[self.select];
        match (queue.reset, &mut self.resets) {
            (0, _) | (_, Resets::Unknown) => 0,
            (_, Resets::After(0)) => {
                *queue = PciQueue { vector: 0xffff, enable: 0, addresses: [0; 3], reset: 0, ..*queue };
                0
            }
            (_, Resets::After(left)) => {
                *left -= 1;
                1
            }
            (_, Resets::Never) => 1,
        }
    }

    pub fn write(&mut self, address: u64, bits: u32, value: u32) {
        let at = (address - self.bar) as usize;
        self.log.push(RegisterAccess::Write(at, bits, value));
        if at >= NOTIFY as usize || (TABLE as usize..TABLE as usize + 0x8000).contains(&at) || at >= DEVICE as usize {
            return;
        }
        assert_width(at - COMMON as usize, bits);
        let accepted = if value < u32::from(self.vectors) { value as u16 } else { 0xffff };
        let queue = self.queues.get_mut(self.select);
        match (at - COMMON as usize, queue) {
            (field::DEVICE_FEATURE_SELECT, _) => self.features[0] = value,
            (field::DRIVER_FEATURE_SELECT, _) => self.features[1] = value,
            (field::DRIVER_FEATURE, _) => {
                let shift = 32 * self.features[1];
                self.accepted = self.accepted & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
            (field::CONFIG_VECTOR, _) => self.config_vector = accepted,
            (field::STATUS, _) => self.status = value as u8,
            (field::QUEUE_SELECT, _) => self.select = value as usize,
            (field::QUEUE_SIZE, Some(queue)) => queue.size = value as u16,
            (field::QUEUE_VECTOR, Some(queue)) => queue.vector = accepted,
            (field::QUEUE_ENABLE, Some(queue)) => queue.enable = value as u16,
            (field::QUEUE_RESET, Some(queue)) => queue.reset = value as u16,
            (part @ field::QUEUE_DESC..0x38, Some(queue)) => {
                let (part, shift) = ((part - field::QUEUE_DESC) / 8, 8 * (part % 8));
                queue.addresses[part] = queue.addresses[part] & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
            (other, _) => panic!("{bits} bits written at {other:#x}: {value:#x}"),
        }
    }
}

/// Checks the width of an access. A field of 64 bits is accessed as two of 32 bits ("PCI Device Layout", 4.1.3.1).
fn assert_width(offset: usize, bits: u32) {
    let width = match offset {
        ..field::CONFIG_VECTOR | field::QUEUE_DESC..0x38 => 32,
        field::STATUS | field::GENERATION => 8,
        _ => 16,
    };
    assert_eq!(bits, width, "{bits} bits of the field at {offset:#x} were accessed");
}
