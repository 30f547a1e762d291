//! The PCI transport ("Virtio Over PCI Bus", 4.1).
//!
//! 1. [`PciFunction`] is a function in configuration space, reached through [`Ecam`], [`ConfigPorts`] or a
//!    [`ConfigRegionAccess`] of your own.
//! 2. Where messages are wanted, [`Msix::enable`] and [`Msix::add`] route them.
//! 3. [`Pci::new`] finds the structures of the device and maps them through your [`MapBar`]; [`LegacyPci::new`] does so for
//!    the legacy interface, and [`Pci::either`] for the one that the device has.
//! 4. A kernel that cannot map BARs passes [`BarWindows`] for its [`MapBar`].

mod access;
mod error;
mod function;
mod legacy;
mod msix;
mod routing;
mod structures;
mod window;

use aerostat_spec::pci::{self, NO_VECTOR, common_cfg};
use aerostat_spec::{Block, DeviceId, Feature, Interface, reserved};
use pci_types::ConfigRegionAccess;

pub use self::access::{ConfigPorts, Ecam};
pub use self::error::PciError;
pub use self::function::{BarIndex, BarRange, PciFunction, Space};
pub use self::legacy::LegacyPci;
pub use self::msix::{Message, Msix, QueueVectors, Vector};
pub use self::routing::Routing;
pub use self::structures::StructureKind;
use self::structures::Structures;
pub use self::window::{BarWindow, BarWindows};
use crate::any::Either;
use crate::barrier::for_devices;
use crate::config::ConfigIo;
use crate::interface::Modern;
use crate::io::Io;
use crate::queue::{QueueError, QueueLimit, QueueSize, RingAddresses, RingPosition};
use crate::region::Window;
use crate::registers::{Registers, fits};
use crate::status::Status;
use crate::transport::{BusError, Carries, InterruptSource, InterruptStatus, Notifier, QueueReset, Transport};

/// Makes the BARs of a device accessible.
///
/// Any `FnMut(BarRange) -> Option<I>` is one.
pub trait MapBar {
    /// How registers in a BAR are reached.
    type Io: Io;

    /// Maps a range of a BAR, for as long as the value or a clone of it exists. `None` where that cannot be done.
    fn map(&mut self, range: BarRange) -> Option<Self::Io>;
}

impl<I: Io, F: FnMut(BarRange) -> Option<I>> MapBar for F {
    type Io = I;

    fn map(&mut self, range: BarRange) -> Option<I> {
        self(range)
    }
}

/// A device on the PCI bus, driven through the modern interface.
#[derive(Debug)]
pub struct Pci<I> {
    common: Registers<common_cfg::Space, Window<I>>,
    notify: Window<I>,
    /// Where the notification structure is on the bus.
    notify_start: u64,
    multiplier: u32,
    isr: Window<I>,
    device: Window<I>,
    id: DeviceId,
    routing: Routing,
    carries: Carries,
}

impl<I: Io> Pci<I> {
    /// Finds the structures of the device, maps them through `map`, and lets the function reach memory.
    ///
    /// # Errors
    ///
    /// [`PciError`]
    pub fn new<C: ConfigRegionAccess>(
        function: &PciFunction<C>,
        map: &mut impl MapBar<Io = I>,
        routing: Routing,
    ) -> Result<Self, PciError> {
        let id = function.virtio_device().ok_or(PciError::NotVirtio)?;
        let found = Structures::find(function)?;
        function.enable();
        if routing == Routing::Line {
            msix::disable(function);
        }
        let mut structure = |range: BarRange, most: u64| {
            let range = BarRange { len: range.len.min(most), ..range };
            let len = usize::try_from(range.len).ok();
            // What is mapped may be longer than the structure, which ends where its capability says.
            map.map(range).and_then(|io| Window::new(io, 0, len?)).ok_or(PciError::Unmapped { range })
        };
        let common = Registers::new(structure(found.common, <common_cfg::Space as Block>::LEN as u64)?);
        let isr = structure(found.isr, 1)?;
        // How much of these two is needed turns out later; each access is checked against the mapped length.
        let notify = structure(found.notify, u64::MAX)?;
        let device = match found.device {
            Some(range) => structure(range, u64::MAX)?,
            None => isr.rest_from(isr.len()),
        };
        let (notify_start, multiplier, carries) = (found.notify.address, found.multiplier, Carries::Queue);
        Ok(Self { common, notify, notify_start, multiplier, isr, device, id, routing, carries })
    }

    /// Takes the device like [`Pci::new`], and through the legacy interface where it has no other ("Legacy Interface: A
    /// Note on Device Layout Detection", 4.1.5.1.1.1).
    ///
    /// # Errors
    ///
    /// [`PciError`]
    pub fn either<C: ConfigRegionAccess>(
        function: &PciFunction<C>,
        map: &mut impl MapBar<Io = I>,
        routing: Routing,
    ) -> Result<Either<Self, LegacyPci<I>>, PciError> {
        match Self::new(function, map, routing) {
            Err(PciError::NoCapabilities) => LegacyPci::new(function, map, routing).map(Either::Second),
            modern => modern.map(Either::First),
        }
    }

    /// The type of the device.
    pub fn device(&self) -> DeviceId {
        self.id
    }

    fn select(&self, queue: u16) {
        self.common.write(common_cfg::QueueSelect, queue);
    }
}

// SAFETY: the status register reads 0 only after the device has finished its reset ("Common configuration structure
// layout", 4.1.4.3), which ends its use of the queues; the addresses of queues are written as given.
unsafe impl<I: Io> Transport for Pci<I> {
    type InterfaceKind = Modern;
    type Notifier = PciNotifier<I>;
    type Interrupt = PciInterrupt<I>;
    type Config = PciConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Modern
    }

    fn device_id(&self) -> DeviceId {
        self.id
    }

    fn status(&self) -> Status {
        Status(self.common.read(common_cfg::DeviceStatus))
    }

    fn set_status(&mut self, status: Status) {
        self.common.write(common_cfg::DeviceStatus, status.0);
    }

    fn offered(&mut self) -> u64 {
        let half = |select: u32| {
            self.common.write(common_cfg::DeviceFeatureSelect, select);
            u64::from(self.common.read(common_cfg::DeviceFeature))
        };
        half(0) | half(1) << 32
    }

    fn accept(&mut self, features: u64) {
        for (select, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.common.write(common_cfg::DriverFeatureSelect, select);
            self.common.write(common_cfg::DriverFeature, half);
        }
        self.carries = Carries::by(features);
    }

    fn supported(&self) -> u64 {
        match fits(self.common.io(), common_cfg::QueueReset) {
            true => crate::SUPPORTED,
            // The structure of an older device ends before the field.
            false => crate::SUPPORTED & !(1 << reserved::feature::RingReset::BIT),
        }
    }

    fn set_up_bus(&mut self) -> Result<(), BusError> {
        let Some(vector) = self.routing.configuration() else { return Ok(()) };
        self.common.write(common_cfg::ConfigMsixVector, vector);
        match self.common.read(common_cfg::ConfigMsixVector) {
            NO_VECTOR => Err(BusError::Vector { vector }),
            _ => Ok(()),
        }
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        if queue >= self.common.read(common_cfg::NumQueues) {
            return Err(QueueError::Missing { queue });
        }
        self.select(queue);
        if self.common.read(common_cfg::QueueEnable) != 0 {
            return Err(QueueError::InUse { queue });
        }
        match self.common.read(common_cfg::QueueSize) {
            0 => Err(QueueError::Missing { queue }),
            limit => Ok(QueueLimit::AtMost(limit)),
        }
    }

    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<PciNotifier<I>, QueueError> {
        self.select(queue);
        let offset = u64::from(self.common.read(common_cfg::QueueNotifyOff)) * u64::from(self.multiplier);
        let bytes = self.carries.bytes();
        let is_aligned = self.notify_start.wrapping_add(offset).is_multiple_of(bytes as u64);
        let start = usize::try_from(offset).ok().filter(|_| is_aligned);
        let register = start.and_then(|start| self.notify.part(start, bytes));
        let register = register.ok_or(QueueError::Notification { queue })?;
        if let Some(vector) = self.routing.queue(queue) {
            self.common.write(common_cfg::QueueMsixVector, vector);
            if self.common.read(common_cfg::QueueMsixVector) == NO_VECTOR {
                return Err(QueueError::Vector { queue, vector });
            }
        }
        self.common.write(common_cfg::QueueSize, size.get());
        self.common.write(common_cfg::QueueDesc, ring.descriptors.0);
        self.common.write(common_cfg::QueueDriver, ring.driver.0);
        self.common.write(common_cfg::QueueDevice, ring.device.0);
        self.common.write(common_cfg::QueueEnable, 1);
        Ok(PciNotifier { register, queue, carries: self.carries })
    }

    fn config(&self) -> PciConfig<I> {
        PciConfig { common: self.common.clone(), space: self.device.clone() }
    }

    fn interrupt(&self) -> PciInterrupt<I> {
        PciInterrupt { isr: matches!(self.routing, Routing::Line).then(|| self.isr.clone()) }
    }
}

// SAFETY: queue_reset reads 0 only after the device is done with the queue ("Common configuration structure layout",
// 4.1.4.3).
unsafe impl<I: Io> QueueReset for Pci<I> {
    fn ask_reset(&mut self, queue: u16) {
        self.select(queue);
        self.common.write(common_cfg::QueueReset, 1);
    }

    fn is_reset(&mut self, queue: u16) -> bool {
        self.select(queue);
        self.common.read(common_cfg::QueueReset) == 0
    }
}

/// Tells a PCI device of new buffers in one queue, in the same way through both interfaces.
#[derive(Clone, Debug)]
pub struct PciNotifier<I> {
    register: Window<I>,
    queue: u16,
    carries: Carries,
}

impl<I: Io> Notifier for PciNotifier<I> {
    fn notify(&self, next: RingPosition) {
        match self.carries {
            Carries::Queue => self.register.write16(0, self.queue),
            Carries::QueueAndPosition => self.register.write32(0, next.with_queue(self.queue)),
        }
    }
}

/// The interrupt side of a PCI device, the same through both interfaces.
#[derive(Clone, Debug)]
pub struct PciInterrupt<I> {
    /// The ISR status, which is read only where interrupts come over the line.
    isr: Option<Window<I>>,
}

impl<I: Io> InterruptSource for PciInterrupt<I> {
    fn acknowledge(&self) -> InterruptStatus {
        match &self.isr {
            Some(isr) => {
                let status = pci::Isr::from_bits(isr.read8(0));
                // Orders the read, which acknowledges, before the next look at queues and configuration.
                for_devices();
                InterruptStatus { used_buffers: status.queue(), configuration: status.config() }
            }
            None => InterruptStatus::ANY,
        }
    }
}

/// The configuration space of a PCI device.
#[derive(Clone, Debug)]
pub struct PciConfig<I> {
    common: Registers<common_cfg::Space, Window<I>>,
    space: Window<I>,
}

impl<I: Io> ConfigIo for PciConfig<I> {
    fn generation(&self) -> Option<u32> {
        Some(self.common.read(common_cfg::ConfigGeneration).into())
    }
}

crate::io::delegate!(PciConfig, space);
