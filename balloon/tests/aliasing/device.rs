//! A device behind the registers of the MMIO transport.

use std::sync::{Arc, Mutex};

use aerostat_balloon::transport::Io;

use crate::memory::{lock, read16, write16};

/// The device-specific queues: inflate, deflate, statistics, hinting, reporting.
const QUEUES: usize = 5;
/// Descriptors of each queue.
const SIZE: u32 = 32;

/// A queue as the driver has set it up.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    ready: u32,
    size: u32,
    /// Descriptors, driver area and device area.
    addresses: [u64; 3],
    /// Buffers that the device has used.
    used: u16,
}

/// A device behind the registers of the MMIO transport.
#[derive(Debug, Default)]
struct Model {
    status: u32,
    device_features_sel: u32,
    queue_sel: usize,
    queues: [Queue; QUEUES],
    config: [u8; 16],
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Registers(Arc<Mutex<Model>>);

/// Offers all features of the balloon and VERSION_1.
const OFFERED: u64 = 0x3f | 1 << 32;
const CONFIG: usize = 0x100;

// SAFETY: every access reaches the model, and a reset ends all use of memory.
unsafe impl Io for Registers {
    fn len(&self) -> usize {
        0x200
    }

    fn read8(&self, _offset: usize) -> u8 {
        0
    }

    fn read16(&self, _offset: usize) -> u16 {
        0
    }

    fn read32(&self, offset: usize) -> u32 {
        let model = lock(&self.0);
        let queue = model.queues.get(model.queue_sel);
        match offset {
            0x000 => 0x7472_6976,
            0x004 => 2,
            0x008 => 5,
            0x010 => (OFFERED >> (32 * model.device_features_sel)) as u32,
            0x034 => queue.map_or(0, |_| SIZE),
            0x044 => queue.map_or(0, |queue| queue.ready),
            0x070 => model.status,
            CONFIG.. => model.config[offset - CONFIG..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)),
            _ => 0,
        }
    }

    fn write8(&self, _offset: usize, _value: u8) {}

    fn write16(&self, _offset: usize, _value: u16) {}

    fn write32(&self, offset: usize, value: u32) {
        let model = &mut *lock(&self.0);
        let queue = model.queues.get_mut(model.queue_sel);
        match (offset, queue) {
            (0x014, _) => model.device_features_sel = value,
            (0x030, _) => model.queue_sel = value as usize,
            (0x038, Some(queue)) => queue.size = value,
            (0x044, Some(queue)) => queue.ready = value,
            (0x070, _) => {
                model.status = value;
                if value == 0 {
                    model.queues = [Queue::default(); QUEUES];
                }
            }
            (0x080..0x0b0, Some(queue)) => {
                let address = &mut queue.addresses[(offset - 0x080) / 16];
                let shift = if offset & 4 == 0 { 0 } else { 32 };
                *address = *address & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
            (CONFIG.., _) => model.config[offset - CONFIG..][..4].copy_from_slice(&value.to_le_bytes()),
            _ => {}
        }
    }
}

impl Registers {
    pub(crate) fn set_config(&self, at: usize, value: u32) {
        lock(&self.0).config[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Uses all available buffers of a split ring.
    pub(crate) fn use_buffers(&self, number: usize) {
        let queue = &mut lock(&self.0).queues[number];
        assert_eq!(queue.ready, 1, "queue {number} is set up");
        let [_, driver, device] = queue.addresses;
        let available = read16(driver + 2);
        while queue.used != available {
            let slot = u64::from(u32::from(queue.used) % queue.size);
            let head = read16(driver + 4 + 2 * slot);
            write16(device + 4 + 8 * slot, head);
            write16(device + 6 + 8 * slot, 0);
            write16(device + 8 + 8 * slot, 0);
            write16(device + 10 + 8 * slot, 0);
            queue.used = queue.used.wrapping_add(1);
        }
        write16(device + 2, queue.used);
    }
}
