//! The handles of a PCI device: notifications, interrupts and configuration.

use aerostat_spec::pci::{self, common_cfg};

use crate::barrier::dma_mb;
use crate::bus::config_io::ConfigIo;
use crate::bus::interrupt::{InterruptSource, InterruptStatus};
use crate::bus::notifier::{NotificationFormat, Notifier};
use crate::bus::status::Status;
use crate::io::{Io, Registers, Window, delegate};
use crate::ring::RingPosition;

/// Notifies a PCI device of new buffers in one queue, over either interface.
#[derive(Clone, Debug)]
pub struct PciNotifier<I> {
    pub(super) register: Window<I>,
    pub(super) queue: u16,
    pub(super) format: NotificationFormat,
}

impl<I: Io> Notifier for PciNotifier<I> {
    fn notify(&self, next: RingPosition) {
        match self.format {
            NotificationFormat::Queue => self.register.write16(0, self.queue),
            NotificationFormat::QueueAndPosition => self.register.write32(0, next.with_queue(self.queue)),
        }
    }
}

/// The interrupt side of a PCI device, over either interface.
#[derive(Clone, Debug)]
pub struct PciInterrupt<I> {
    /// The ISR status, which is used only with INTx.
    pub(super) isr: Option<Window<I>>,
}

impl<I: Io> InterruptSource for PciInterrupt<I> {
    fn acknowledge(&self) -> InterruptStatus {
        match &self.isr {
            Some(isr) => {
                let status = pci::Isr::from_bits(isr.read8(0));
                // The read acknowledges. Orders it before the next check of queues and configuration.
                dma_mb();
                InterruptStatus { used_buffers: status.queue(), configuration: status.config() }
            }
            None => InterruptStatus::ANY,
        }
    }
}

/// The configuration space of a PCI device, modern interface.
#[derive(Clone, Debug)]
pub struct PciConfig<I> {
    pub(super) common: Registers<common_cfg::Space, Window<I>>,
    pub(super) space: Window<I>,
}

impl<I: Io> ConfigIo for PciConfig<I> {
    fn generation(&self) -> Option<u32> {
        Some(self.common.read(common_cfg::ConfigGeneration).into())
    }

    fn status(&self) -> Status {
        Status(self.common.read(common_cfg::DeviceStatus))
    }
}

delegate!(PciConfig, space);
