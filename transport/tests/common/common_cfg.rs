//! What lies behind the BARs of a PCI kite: its structures, with a record of each access.

use super::function::{COMMON, DEVICE, ISR, NOTIFY, TABLE};
use super::{Resets, Touch};

/// Offsets in the common configuration ("Common configuration structure layout", 4.1.4.3).
pub(crate) mod field {
    pub(crate) const DEVICE_FEATURE_SELECT: usize = 0x00;
    pub(crate) const DEVICE_FEATURE: usize = 0x04;
    pub(crate) const DRIVER_FEATURE_SELECT: usize = 0x08;
    pub(crate) const DRIVER_FEATURE: usize = 0x0c;
    pub(crate) const CONFIG_VECTOR: usize = 0x10;
    pub(crate) const NUM_QUEUES: usize = 0x12;
    pub(crate) const STATUS: usize = 0x14;
    pub(crate) const GENERATION: usize = 0x15;
    pub(crate) const QUEUE_SELECT: usize = 0x16;
    pub(crate) const QUEUE_SIZE: usize = 0x18;
    pub(crate) const QUEUE_VECTOR: usize = 0x1a;
    pub(crate) const QUEUE_ENABLE: usize = 0x1c;
    pub(crate) const QUEUE_NOTIFY_OFF: usize = 0x1e;
    pub(crate) const QUEUE_DESC: usize = 0x20;
    pub(crate) const QUEUE_RESET: usize = 0x3a;
}

/// What was set up of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PciQueue {
    pub(crate) size: u16,
    pub(crate) vector: u16,
    pub(crate) enable: u16,
    pub(crate) notify_off: u16,
    pub(crate) addresses: [u64; 3],
    /// What queue_reset reads.
    pub(crate) reset: u16,
}

/// The device.
pub(crate) struct CommonCfg {
    /// Where the BAR is on the bus.
    pub(crate) bar: u64,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) status: u8,
    pub(crate) generation: u8,
    pub(crate) num_queues: u16,
    pub(crate) queues: Vec<PciQueue>,
    pub(crate) config_vector: u16,
    /// No vector is accepted from this one on.
    pub(crate) vectors: u16,
    pub(crate) isr: u8,
    pub(crate) resets: Resets,
    /// Accesses, with offsets from the start of the BAR.
    pub(crate) log: Vec<Touch>,
    features: [u32; 2],
    select: usize,
}

impl CommonCfg {
    pub(crate) fn new(bar: u64) -> Self {
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

    /// What was written at an offset.
    pub(crate) fn written(&self, offset: usize) -> Vec<u32> {
        let value = |touch: &Touch| match *touch {
            Touch::Write(at, _, value) if at == offset => Some(value),
            _ => None,
        };
        self.log.iter().filter_map(value).collect()
    }

    pub(crate) fn read(&mut self, address: u64, bits: u32) -> u32 {
        let at = (address - self.bar) as usize;
        self.log.push(Touch::Read(at, bits));
        if at == ISR as usize {
            return u32::from(std::mem::take(&mut self.isr));
        }
        if at >= DEVICE as usize {
            return 0x5a5a_5a5a >> (32 - bits);
        }
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
            field::QUEUE_RESET => self.ask_reset(),
            other => panic!("{bits} bits read at {other:#x}"),
        }
    }

    /// The driver asks whether the reset of the queue is done.
    fn ask_reset(&mut self) -> u32 {
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

    pub(crate) fn write(&mut self, address: u64, bits: u32, value: u32) {
        let at = (address - self.bar) as usize;
        self.log.push(Touch::Write(at, bits, value));
        if at >= NOTIFY as usize || (TABLE as usize..TABLE as usize + 0x8000).contains(&at) || at >= DEVICE as usize {
            return;
        }
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
