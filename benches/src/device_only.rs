//! The device without a driver, to measure its cost.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU16, Ordering};

use aerostat_balloon::spec::ring::{Avail, Desc, Used, UsedElem};
use aerostat_transport::Io as _;
use virtio_bindings::virtio_mmio::*;

use crate::device::AckDevice;

/// Number of descriptors of the ring.
const SIZE: usize = 16;
/// Offset in bytes of the used ring.
const USED: usize = (SIZE * size_of::<Desc>() + size_of::<Avail>() + 2 * SIZE + 2).next_multiple_of(4);
const BYTES: usize = USED + size_of::<Used>() + SIZE * size_of::<UsedElem>() + 2;

/// A split ring in which only the available index changes.
#[derive(Debug)]
pub struct DeviceOnly {
    device: AckDevice,
    ring: Box<Ring>,
    index: u16,
}

#[derive(Debug)]
#[repr(align(16))]
struct Ring([AtomicU16; BYTES / 2]);

impl Default for DeviceOnly {
    fn default() -> Self {
        Self::new()
    }
}

impl DeviceOnly {
    /// Returns a device with one queue.
    pub fn new() -> Self {
        let device = AckDevice::new();
        let ring = Box::new(Ring([const { AtomicU16::new(0) }; _]));
        let start = ring.0.as_ptr() as u64;
        let write = |register: u32, value: u32| device.write32(register as usize, value);
        write(VIRTIO_MMIO_QUEUE_NUM, SIZE as u32);
        for (register, area) in [
            (VIRTIO_MMIO_QUEUE_DESC_LOW, 0),
            (VIRTIO_MMIO_QUEUE_AVAIL_LOW, SIZE * size_of::<Desc>()),
            (VIRTIO_MMIO_QUEUE_USED_LOW, USED),
        ] {
            let address = start + area as u64;
            write(register, address as u32);
            write(register + 4, (address >> 32) as u32);
        }
        write(VIRTIO_MMIO_QUEUE_READY, 1);
        Self { device, ring, index: 0 }
    }

    /// Makes `buffers` buffers available, at most 16, and notifies the device.
    pub fn publish(&mut self, buffers: u16) {
        self.index = self.index.wrapping_add(buffers);
        let index = SIZE * size_of::<Desc>() + offset_of!(Avail, idx);
        self.ring.0[index / 2].store(self.index.to_le(), Ordering::Release);
        self.device.write32(VIRTIO_MMIO_QUEUE_NOTIFY as usize, 0);
    }
}
