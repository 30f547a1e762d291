//! The MMIO transport, version 2 ("MMIO Device Register Layout", 4.2.2).

#[cfg(feature = "legacy")]
use aerostat_spec::mmio::VERSION_LEGACY;
use aerostat_spec::mmio::modern::{self as reg, Space};
use aerostat_spec::mmio::{CONFIG_OFFSET, VERSION_MODERN};
use aerostat_spec::{DeviceId, Interface};

#[cfg(feature = "legacy")]
use crate::bus::either::Either;
use crate::bus::error::QueueError;
use crate::bus::features::SUPPORTED;
use crate::bus::interface::Modern;
use crate::bus::mmio::handles::{MmioConfig, MmioInterrupt, MmioNotifier, status};
use crate::bus::mmio::identify::{MmioError, identify};
#[cfg(feature = "legacy")]
use crate::bus::mmio::legacy::LegacyMmio;
use crate::bus::notifier::NotificationFormat;
use crate::bus::shared_memory::SharedMemory;
use crate::bus::status::Status;
use crate::bus::transport::{QueueReset, Transport};
use crate::dma::DmaDomain;
use crate::io::{Io, Registers, Window};
use crate::ring::{QueueLimit, QueueSize, RingAddresses};

/// The transport of an MMIO device, modern interface (version 2).
#[derive(Debug)]
pub struct Mmio<I> {
    registers: Registers<Space, I>,
    device: DeviceId,
    format: NotificationFormat,
}

impl<I: Io> Mmio<I> {
    /// Returns the transport of the device behind the registers `io`, which may be of any type.
    ///
    /// # Errors
    ///
    /// [`MmioError`] and `io`. No register was written.
    pub fn new(io: I) -> Result<Self, (I, MmioError)> {
        match identify(&io, VERSION_MODERN) {
            Ok(device) => Ok(Self { registers: Registers::new(io), device, format: NotificationFormat::Queue }),
            Err(error) => Err((io, error)),
        }
    }

    /// Returns the transport of the device behind the registers `io`, for the interface that the device has.
    ///
    /// # Errors
    ///
    /// [`MmioError`] and `io`. No register was written.
    #[cfg(feature = "legacy")]
    pub fn either(io: I) -> Result<Either<Self, LegacyMmio<I>>, (I, MmioError)> {
        match Self::new(io) {
            Err((io, MmioError::Version { found: VERSION_LEGACY, .. })) => LegacyMmio::new(io).map(Either::Second),
            modern => modern.map(Either::First),
        }
    }
}

impl<I: Io> Mmio<I> {
    /// Reads two words of 32 feature bits that the device offers.
    fn offered_words(&self, [low, high]: [u32; 2]) -> u64 {
        let half = |select: u32| {
            self.registers.write(reg::DeviceFeaturesSel, select);
            u64::from(self.registers.read(reg::DeviceFeatures))
        };
        half(low) | half(high) << 32
    }

    /// Writes two words of 32 feature bits that the driver accepts.
    fn accept_words(&self, [low, high]: [u32; 2], features: u64) {
        for (select, half) in [(low, features as u32), (high, (features >> 32) as u32)] {
            self.registers.write(reg::DriverFeaturesSel, select);
            self.registers.write(reg::DriverFeatures, half);
        }
    }
}

// SAFETY: the status register reads 0 only after the device has finished its reset, which ends its use of the queues
// ("Device Status Field", 2.1, and "MMIO Device Register Layout", 4.2.2). The addresses of queues are written unchanged.
// QueueReset reads 0 only after the device has finished the reset of the queue (4.2.2).
unsafe impl<I: Io> Transport for Mmio<I> {
    type InterfaceKind = Modern;
    type Notifier = MmioNotifier<I>;
    type Interrupt = MmioInterrupt<I>;
    type Config = MmioConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Modern
    }

    fn name(&self) -> &'static str {
        "MMIO, modern"
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

    fn shared_memory(&mut self, id: u8) -> Option<SharedMemory> {
        self.registers.write(reg::ShmSel, id.into());
        let len = self.registers.read(reg::ShmLen);
        // A region that does not exist has the length -1.
        (len != u64::MAX).then(|| SharedMemory::new(self.registers.read(reg::ShmBase), len))?
    }

    fn offered(&mut self) -> u64 {
        self.offered_words([0, 1])
    }

    fn accept(&mut self, features: u64) {
        self.accept_words([0, 1], features);
        self.format = NotificationFormat::of(features);
    }

    fn offered_high(&mut self) -> Option<u64> {
        Some(self.offered_words([2, 3]))
    }

    fn accept_high(&mut self, features: u64) {
        self.accept_words([2, 3], features);
    }

    fn supported(&self) -> u64 {
        SUPPORTED
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        self.registers.write(reg::QueueSel, queue.into());
        if self.registers.read(reg::QueueReady) != 0 {
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
        let registers = &self.registers;
        registers.write(reg::QueueSel, queue.into());
        registers.write(reg::QueueSize, size.get().into());
        registers.write(reg::QueueDesc, ring.descriptors.0);
        registers.write(reg::QueueDriver, ring.driver.0);
        registers.write(reg::QueueDevice, ring.device.0);
        registers.write(reg::QueueReady, 1);
        Ok(MmioNotifier { registers: registers.clone(), queue, format: self.format })
    }

    fn request_queue_reset(&mut self, queue: u16) {
        self.registers.write(reg::QueueSel, queue.into());
        self.registers.write(reg::QueueReset, 1);
    }

    fn is_queue_reset(&mut self, queue: u16) -> bool {
        self.registers.write(reg::QueueSel, queue.into());
        self.registers.read(reg::QueueReset) == 0
    }

    fn domain(&self) -> DmaDomain {
        self.registers.io().domain()
    }

    fn config(&self) -> MmioConfig<I> {
        MmioConfig {
            registers: self.registers.clone(),
            space: Window::rest(self.registers.io().clone(), CONFIG_OFFSET),
        }
    }

    fn interrupt(&self) -> MmioInterrupt<I> {
        MmioInterrupt { registers: self.registers.clone() }
    }
}

impl<I: Io> QueueReset for Mmio<I> {}
