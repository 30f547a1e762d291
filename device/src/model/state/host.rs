//! What the host and firmware do with the device besides the work of the balloon.

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_FEATURES_OK,
};
use virtio_bindings::virtio_mmio::VIRTIO_MMIO_INT_VRING;

use super::super::features;
use super::super::options::Interface;
use super::super::ring::{EventMode, Format, Order, RingSetup, new_ring};
use super::device::State;
use crate::event::Event;
use crate::memory::PAGE_BYTES;

/// Size of the queues of a firmware driver.
const FIRMWARE_QUEUE_SIZE: u16 = 4;
/// Addresses of the queues of a firmware driver, and of the rings in a queue, from the start of guest memory.
const FIRMWARE_QUEUES: [u64; 2] = [0x4000, 0x8000];
const FIRMWARE_RINGS: [u64; 3] = [0, 0x1000, 0x2000];
/// Length in bytes of the memory that a firmware driver uses, from the start of guest memory.
const FIRMWARE_MEMORY: u64 = 0x1_0000;

impl State {
    /// Resets the device on behalf of the host.
    pub(crate) fn host_reset(&mut self) {
        self.log(Event::HostReset { ballooned: self.pages.len() });
        self.clear();
        self.host_reset_unseen = true;
    }

    /// Removes the device.
    pub(crate) fn remove(&mut self) {
        self.log(Event::Removed { ballooned: self.pages.len() });
        self.clear();
        self.is_removed = true;
    }

    /// Brings the device into the state in which a firmware driver leaves it. If guest memory is too small for queues, they
    /// are not ready.
    pub(crate) fn use_by_firmware(&mut self) {
        let modern = self.options.interface == Interface::Modern;
        self.status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK;
        if modern {
            self.status |= VIRTIO_CONFIG_S_FEATURES_OK;
        }
        self.accepted = self.options.features & features::VERSION_1;
        self.interrupt_status = VIRTIO_MMIO_INT_VRING;
        let base = self.memory.layout().base;
        if self.memory.bytes() < FIRMWARE_MEMORY {
            return;
        }
        for (queue, offset) in self.queues.values_mut().zip(FIRMWARE_QUEUES) {
            let size = FIRMWARE_QUEUE_SIZE.min(1 << queue.max_size.ilog2());
            let start = base + offset;
            let addresses = FIRMWARE_RINGS.map(|ring| self.memory.bus_address(start + ring));
            queue.size = size.into();
            queue.addresses = addresses;
            queue.legacy.pfn = (self.memory.bus_address(start) / PAGE_BYTES) as u32;
            let setup = RingSetup { size, addresses, events: EventMode::Flags, order: Order::Any };
            queue.ring = Some(new_ring(Format::Split, setup));
        }
    }
}
