//! The MMIO transport, version 2 ("Virtio Over MMIO", 4.2).

mod legacy;

use aerostat_spec::mmio::modern::{self as reg, Space};
use aerostat_spec::mmio::{CONFIG_OFFSET, Interrupt, MAGIC, VERSION_LEGACY, VERSION_MODERN};
use aerostat_spec::{DeviceId, Interface};

pub use self::legacy::LegacyMmio;
use crate::any::Either;
use crate::barrier::for_devices;
use crate::config::ConfigIo;
use crate::interface::Modern;
use crate::io::Io;
use crate::queue::{QueueError, QueueLimit, QueueSize, RingAddresses, RingPosition};
use crate::region::Window;
use crate::registers::Registers;
use crate::status::Status;
use crate::transport::{Carries, InterruptSource, InterruptStatus, Notifier, QueueReset, Transport};

/// A device on the MMIO bus, driven through the modern interface.
#[derive(Debug)]
pub struct Mmio<I> {
    registers: Registers<Space, I>,
    device: DeviceId,
    carries: Carries,
}

/// What was found in place of a device to drive. Only [`MmioError::NoDevice`] is no reason for concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MmioError {
    /// The block of registers is too small.
    #[error("the registers take {needed} bytes and the region has {len}")]
    TooSmall {
        /// Bytes that the registers take.
        needed: usize,
        /// Bytes of the region.
        len: usize,
    },
    /// These are not the registers of a virtio device.
    #[error("the magic value is {found:#010x} and not {MAGIC:#010x}: no virtio device is there")]
    Magic {
        /// What was read.
        found: u32,
    },
    /// The device speaks another version.
    #[error(
        "the device has version {found} of the register layout, and this transport is for version {expected} \
         (`Mmio` is for version 2, `LegacyMmio` for version 1, `Mmio::either` takes both)"
    )]
    Version {
        /// The version of the transport.
        expected: u32,
        /// What was read.
        found: u32,
    },
    /// A place for a device where there is none (device id 0). Not an error: go on to the next place.
    #[error("no device is in this place")]
    NoDevice,
}

impl<I: Io> Mmio<I> {
    /// Looks at the registers and takes the device, of whatever type, that they belong to.
    ///
    /// # Errors
    ///
    /// [`MmioError`] with the registers, of which none was written.
    pub fn new(io: I) -> Result<Self, (I, MmioError)> {
        match identify(&io, VERSION_MODERN) {
            Ok(device) => Ok(Self { registers: Registers::new(io), device, carries: Carries::Queue }),
            Err(error) => Err((io, error)),
        }
    }

    /// Takes the device like [`Mmio::new`], through whichever interface it has.
    ///
    /// # Errors
    ///
    /// [`MmioError`] with the registers, of which none was written.
    pub fn either(io: I) -> Result<Either<Self, LegacyMmio<I>>, (I, MmioError)> {
        match Self::new(io) {
            Err((io, MmioError::Version { found: VERSION_LEGACY, .. })) => LegacyMmio::new(io).map(Either::Second),
            modern => modern.map(Either::First),
        }
    }

    /// The type of the device.
    pub fn device(&self) -> DeviceId {
        self.device
    }
}

/// The type of the device whose registers these are, if they have the layout of that version. The registers that decide
/// are the same in both.
fn identify<I: Io>(io: &I, expected: u32) -> Result<DeviceId, MmioError> {
    if io.len() < CONFIG_OFFSET {
        return Err(MmioError::TooSmall { needed: CONFIG_OFFSET, len: io.len() });
    }
    let registers = Registers::<Space, _>::new(io.clone());
    match registers.read(reg::MagicValue) {
        MAGIC => {}
        found => return Err(MmioError::Magic { found }),
    }
    let version = registers.read(reg::Version);
    if ![VERSION_LEGACY, VERSION_MODERN].contains(&version) {
        return Err(MmioError::Version { expected, found: version });
    }
    match registers.read(reg::DeviceId) {
        // An empty place has either version.
        0 => Err(MmioError::NoDevice),
        id if version == expected => Ok(DeviceId(id)),
        _ => Err(MmioError::Version { expected, found: version }),
    }
}

// SAFETY: the status register reads 0 only after the device has finished its reset, which ends its use of the queues
// ("Device Status Field", 2.1, and "MMIO Device Register Layout", 4.2.2); the addresses of queues are written as given.
unsafe impl<I: Io> Transport for Mmio<I> {
    type InterfaceKind = Modern;
    type Notifier = MmioNotifier<I>;
    type Interrupt = MmioInterrupt<I>;
    type Config = MmioConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Modern
    }

    fn device_id(&self) -> DeviceId {
        self.device
    }

    fn status(&self) -> Status {
        // The register has 32 bits, of which the upper 24 mean nothing.
        Status(self.registers.read(reg::Status) as u8)
    }

    fn set_status(&mut self, status: Status) {
        self.registers.write(reg::Status, status.0.into());
    }

    fn offered(&mut self) -> u64 {
        let half = |select: u32| {
            self.registers.write(reg::DeviceFeaturesSel, select);
            u64::from(self.registers.read(reg::DeviceFeatures))
        };
        half(0) | half(1) << 32
    }

    fn accept(&mut self, features: u64) {
        for (select, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.registers.write(reg::DriverFeaturesSel, select);
            self.registers.write(reg::DriverFeatures, half);
        }
        self.carries = Carries::by(features);
    }

    fn supported(&self) -> u64 {
        crate::SUPPORTED
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
        Ok(MmioNotifier { registers: registers.clone(), queue, carries: self.carries })
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

// SAFETY: QueueReset reads 0 only after the device is done with the queue ("MMIO Device Register Layout", 4.2.2).
unsafe impl<I: Io> QueueReset for Mmio<I> {
    fn ask_reset(&mut self, queue: u16) {
        self.registers.write(reg::QueueSel, queue.into());
        self.registers.write(reg::QueueReset, 1);
    }

    fn is_reset(&mut self, queue: u16) -> bool {
        self.registers.write(reg::QueueSel, queue.into());
        self.registers.read(reg::QueueReset) == 0
    }
}

/// Tells an MMIO device of new buffers in one queue, in the same way through both interfaces.
#[derive(Clone, Debug)]
pub struct MmioNotifier<I> {
    registers: Registers<Space, I>,
    queue: u16,
    carries: Carries,
}

impl<I: Io> Notifier for MmioNotifier<I> {
    fn notify(&self, next: RingPosition) {
        let value = match self.carries {
            Carries::Queue => self.queue.into(),
            Carries::QueueAndPosition => next.with_queue(self.queue),
        };
        self.registers.write(reg::QueueNotify, value);
    }
}

/// The interrupt side of an MMIO device, the same through both interfaces.
#[derive(Clone, Debug)]
pub struct MmioInterrupt<I> {
    registers: Registers<Space, I>,
}

impl<I: Io> InterruptSource for MmioInterrupt<I> {
    fn acknowledge(&self) -> InterruptStatus {
        let status = Interrupt::from_bits(self.registers.read(reg::InterruptStatus));
        let causes = InterruptStatus { used_buffers: status.used_buffer(), configuration: status.config_change() };
        if !causes.is_none() {
            // Only bits that have a meaning are written.
            let known = Interrupt::new().with_used_buffer(causes.used_buffers).with_config_change(causes.configuration);
            self.registers.write(reg::InterruptAck, known.into_bits());
            // Orders the acknowledgement before the next look at queues and configuration.
            for_devices();
        }
        causes
    }
}

/// The configuration space of an MMIO device.
#[derive(Clone, Debug)]
pub struct MmioConfig<I> {
    registers: Registers<Space, I>,
    space: Window<I>,
}

impl<I: Io> ConfigIo for MmioConfig<I> {
    fn generation(&self) -> Option<u32> {
        Some(self.registers.read(reg::ConfigGeneration))
    }
}

crate::io::delegate!(MmioConfig, space);
