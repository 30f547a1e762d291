//! The handles of an MMIO device: notifications, interrupts and configuration.

use aerostat_spec::Interface;
use aerostat_spec::mmio::Interrupt;
use aerostat_spec::mmio::modern::{self as reg, Space};

use crate::barrier::dma_mb;
use crate::bus::config_io::ConfigIo;
use crate::bus::interrupt::{InterruptSource, InterruptStatus};
use crate::bus::notifier::{NotificationFormat, Notifier};
use crate::bus::status::Status;
use crate::io::{Io, Registers, Window, delegate, registers};
use crate::ring::RingPosition;

/// Reads the device status. The register is the same on both interfaces, and its upper 24 bits are reserved.
pub(super) fn status<I: Io>(io: &I) -> Status {
    Status(registers::read(io, reg::Status, Interface::Modern) as u8)
}

/// Notifies an MMIO device of new buffers in one queue, over either interface.
#[derive(Clone, Debug)]
pub struct MmioNotifier<I> {
    pub(super) registers: Registers<Space, I>,
    pub(super) queue: u16,
    pub(super) format: NotificationFormat,
}

impl<I: Io> Notifier for MmioNotifier<I> {
    fn notify(&self, next: RingPosition) {
        let value = match self.format {
            NotificationFormat::Queue => self.queue.into(),
            NotificationFormat::QueueAndPosition => next.with_queue(self.queue),
        };
        self.registers.write(reg::QueueNotify, value);
    }
}

/// The interrupt side of an MMIO device, over either interface.
#[derive(Clone, Debug)]
pub struct MmioInterrupt<I> {
    pub(super) registers: Registers<Space, I>,
}

impl<I: Io> InterruptSource for MmioInterrupt<I> {
    // conformance: deviation mmio.irq.3: the interrupt is acknowledged before queues and configuration are checked,
    // so that an event between both is not lost
    fn acknowledge(&self) -> InterruptStatus {
        let status = self.registers.read(reg::InterruptStatus);
        let found = InterruptStatus { used_buffers: status.used_buffer(), configuration: status.config_change() };
        if !found.is_none() {
            // Undefined bits are not acknowledged.
            let known = Interrupt::new().with_used_buffer(found.used_buffers).with_config_change(found.configuration);
            self.registers.write(reg::InterruptAck, known);
            // Orders the acknowledgement before the next check of queues and configuration.
            dma_mb();
        }
        found
    }
}

/// The configuration space of an MMIO device, modern interface.
#[derive(Clone, Debug)]
pub struct MmioConfig<I> {
    pub(super) registers: Registers<Space, I>,
    pub(super) space: Window<I>,
}

impl<I: Io> ConfigIo for MmioConfig<I> {
    fn generation(&self) -> Option<u32> {
        Some(self.registers.read(reg::ConfigGeneration))
    }

    fn status(&self) -> Status {
        status(self.registers.io())
    }
}

delegate!(MmioConfig, space);
