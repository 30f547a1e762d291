//! The MMIO transport, version 1 ("Virtio Over MMIO", "Legacy interface", 4.2.4).

use aerostat_spec::mmio::legacy::{self as reg, Space};
use aerostat_spec::mmio::{CONFIG_OFFSET, VERSION_LEGACY};
use aerostat_spec::{DeviceId, Interface};

use crate::bus::config_io::LegacyConfig;
use crate::bus::error::QueueError;
use crate::bus::features::SUPPORTED_LEGACY;
use crate::bus::interface::Legacy;
use crate::bus::mmio::handles::{MmioInterrupt, MmioNotifier, status};
use crate::bus::mmio::identify::{MmioError, identify};
use crate::bus::notifier::NotificationFormat;
use crate::bus::status::Status;
use crate::bus::transport::Transport;
use crate::io::{Io, Registers};
use crate::ring::{LEGACY_ALIGN, QueueLimit, QueueSize, RingAddresses};

/// The transport of an MMIO device, legacy interface (version 1).
#[derive(Debug)]
pub struct LegacyMmio<I> {
    registers: Registers<Space, I>,
    device: DeviceId,
}

impl<I: Io> LegacyMmio<I> {
    /// Returns the transport of the device behind the registers `io`, which may be of any type.
    ///
    /// # Errors
    ///
    /// [`MmioError`] and `io`. No register was written.
    pub fn new(io: I) -> Result<Self, (I, MmioError)> {
        match identify(&io, VERSION_LEGACY) {
            Ok(device) => Ok(Self { registers: Registers::new(io), device }),
            Err(error) => Err((io, error)),
        }
    }
}

// SAFETY: writing 0 to the status resets a legacy device, which ends its use of the queues before the register reads 0. The
// address of a queue is written unchanged, or not at all.
unsafe impl<I: Io> Transport for LegacyMmio<I> {
    type InterfaceKind = Legacy;
    type Notifier = MmioNotifier<I>;
    type Interrupt = MmioInterrupt<I>;
    type Config = LegacyConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Legacy
    }

    fn name(&self) -> &'static str {
        "MMIO, legacy"
    }

    fn device_id(&self) -> DeviceId {
        self.device
    }

    fn status(&self) -> Status {
        status(self.registers.io())
    }

    fn set_status(&mut self, status: Status) {
        self.registers.write(reg::Status, status.0.into());
    }

    fn offered(&mut self) -> u32 {
        self.registers.write(reg::HostFeaturesSel, 0);
        self.registers.read(reg::HostFeatures)
    }

    fn accept(&mut self, features: u32) {
        self.registers.write(reg::GuestFeaturesSel, 0);
        self.registers.write(reg::GuestFeatures, features);
        // The unit of queue addresses, which must be written before the first of them.
        self.registers.write(reg::GuestPageSize, LEGACY_ALIGN as u32);
    }

    fn supported(&self) -> u64 {
        SUPPORTED_LEGACY
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        self.registers.write(reg::QueueSel, queue.into());
        if self.registers.read(reg::QueuePfn) != 0 {
            return Err(QueueError::InUse { queue });
        }
        match self.registers.read(reg::QueueSizeMax) {
            0 => Err(QueueError::Missing { queue }),
            limit => Ok(QueueLimit::AtMost(u16::try_from(limit).unwrap_or(u16::MAX))),
        }
    }

    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<MmioNotifier<I>, QueueError> {
        let pfn = ring.legacy_pfn().ok_or(QueueError::Address { queue, address: ring.descriptors.0 })?;
        self.registers.write(reg::QueueSel, queue.into());
        self.registers.write(reg::QueueSize, size.get().into());
        self.registers.write(reg::QueueAlign, LEGACY_ALIGN as u32);
        self.registers.write(reg::QueuePfn, pfn);
        let registers = Registers::new(self.registers.io().clone());
        Ok(MmioNotifier { registers, queue, format: NotificationFormat::Queue })
    }

    fn config(&self) -> LegacyConfig<I> {
        LegacyConfig::new(self.registers.io().clone(), CONFIG_OFFSET, status)
    }

    fn interrupt(&self) -> MmioInterrupt<I> {
        MmioInterrupt { registers: Registers::new(self.registers.io().clone()) }
    }
}
