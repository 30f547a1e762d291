//! The PCI transport, modern interface.

use aerostat_spec::pci::{NO_VECTOR, common_cfg};
use aerostat_spec::{DeviceId, Feature, Interface, reserved};
use pci_types::ConfigRegionAccess;

#[cfg(feature = "legacy")]
use crate::bus::either::Either;
use crate::bus::error::{BusError, QueueError};
use crate::bus::features::SUPPORTED;
use crate::bus::interface::Modern;
use crate::bus::notifier::NotificationFormat;
use crate::bus::pci::bar::BarRange;
use crate::bus::pci::error::PciError;
use crate::bus::pci::function::PciFunction;
use crate::bus::pci::handles::{PciConfig, PciInterrupt, PciNotifier};
#[cfg(feature = "legacy")]
use crate::bus::pci::legacy::LegacyPci;
use crate::bus::pci::map_bar::MapBar;
use crate::bus::pci::routing::Routing;
use crate::bus::pci::structure_kind::StructureKind;
use crate::bus::pci::structures::{self, Structure};
use crate::bus::shared_memory::SharedMemory;
use crate::bus::status::Status;
use crate::bus::transport::{BusMaster, QueueReset, Transport};
use crate::dma::DmaDomain;
use crate::io::registers::{Registers, fits};
use crate::io::{Io, Window};
use crate::ring::{QueueLimit, QueueSize, RingAddresses};

/// The transport of a PCI device, modern interface.
#[derive(Debug)]
pub struct Pci<I, C> {
    /// For bus mastering.
    function: PciFunction<C>,
    common: Registers<common_cfg::Space, Window<I>>,
    notify: Window<I>,
    /// Address of the notification structure on the bus.
    notify_address: u64,
    notify_multiplier: u32,
    isr: Window<I>,
    device: Window<I>,
    id: DeviceId,
    routing: Routing,
    format: NotificationFormat,
}

impl<I: Io, C: ConfigRegionAccess + Clone> Pci<I, C> {
    /// Finds the structures of the device, maps them through `map`, and enables the function, except for bus mastering, which
    /// follows after the reset. If a structure cannot be mapped, tries the next capability that describes it.
    ///
    /// The list of capabilities may be cyclic, so a search reads at most 48 entries of it. All searches together, with those of
    /// [`Msix::enable`](crate::pci::Msix::enable) and of [`BarWindows`](crate::pci::BarWindows), do at most 20,000 accesses of the
    /// configuration space.
    ///
    /// The transport keeps a clone of the function. It accesses the command register when the device is reset or fails. Bus
    /// mastering that an earlier driver has left enabled is disabled, so do not call this for a device that is in use.
    ///
    /// # Errors
    ///
    /// [`PciError`]
    pub fn new(function: &PciFunction<C>, map: &mut impl MapBar<Io = I>, routing: Routing) -> Result<Self, PciError> {
        let id = function.virtio_device().ok_or(PciError::NotVirtio)?;
        routing.check(function)?;
        // An earlier driver may have left it enabled, and BARs are not probed then.
        function.set_bus_master(BusMaster::Forbidden);
        structures::check(function)?;
        routing.enable(function);
        let (common, _) = map_structure(function, map, StructureKind::Common)?;
        let (isr, _) = map_structure(function, map, StructureKind::Isr)?;
        let (notify, at) = map_structure(function, map, StructureKind::Notify)?;
        let device = match map_structure(function, map, StructureKind::Device) {
            Ok((device, _)) => device,
            // Devices without a configuration space have no such structure.
            Err(PciError::Missing(_)) => isr.rest_from(isr.len()),
            Err(error) => return Err(error),
        };
        Ok(Self {
            function: function.clone(),
            common: Registers::new(common),
            notify,
            notify_address: at.range.address,
            notify_multiplier: structures::multiplier(function, at.capability),
            isr,
            device,
            id,
            routing,
            format: NotificationFormat::Queue,
        })
    }

    /// Returns the transport of the device, for the legacy interface if it has only that ("Legacy Interface: A Note on Device
    /// Layout Detection", 4.1.5.1.1.1).
    ///
    /// # Errors
    ///
    /// [`PciError`]
    #[cfg(feature = "legacy")]
    pub fn either(
        function: &PciFunction<C>,
        map: &mut impl MapBar<Io = I>,
        routing: Routing,
    ) -> Result<Either<Self, LegacyPci<I, C>>, PciError> {
        match Self::new(function, map, routing) {
            Err(PciError::NoCapabilities) => LegacyPci::new(function, map, routing).map(Either::Second),
            modern => modern.map(Either::First),
        }
    }

    fn select(&self, queue: u16) {
        self.common.write(common_cfg::QueueSelect, queue);
    }

    /// Returns the notification register of the selected queue.
    fn notification_register(&self, queue: u16) -> Result<Window<I>, QueueError> {
        let bytes = self.format.bytes();
        let offset = u64::from(self.common.read(common_cfg::QueueNotifyOff)) * u64::from(self.notify_multiplier);
        let is_aligned = self.notify_address.wrapping_add(offset).is_multiple_of(bytes as u64);
        let start = usize::try_from(offset).ok().filter(|_| is_aligned);
        start.and_then(|start| self.notify.part(start, bytes)).ok_or(QueueError::Notification { queue })
    }

    /// Writes the interrupt vector of the selected queue.
    fn set_vector(&self, queue: u16) -> Result<(), QueueError> {
        let Some(vector) = self.routing.queue(queue) else { return Ok(()) };
        self.common.write(common_cfg::QueueMsixVector, vector);
        match self.common.read(common_cfg::QueueMsixVector) {
            NO_VECTOR => Err(QueueError::Vector { queue, vector }),
            _ => Ok(()),
        }
    }
}

/// Maps the structure of the first usable capability of this kind that `map` can map, or the first bytes of it. Some devices
/// describe a structure in an I/O BAR and again in a memory BAR.
#[inline(never)]
fn map_structure<I: Io, C: ConfigRegionAccess>(
    function: &PciFunction<C>,
    map: &mut impl MapBar<Io = I>,
    kind: StructureKind,
) -> Result<(Window<I>, Structure), PciError> {
    let mut error = PciError::Missing(kind);
    for found in structures::usable(function, kind) {
        let range = BarRange { len: found.range.len.min(kind.max_len()), ..found.range };
        let len = usize::try_from(range.len).ok();
        // `map` may return more than the structure.
        match map.map(range).and_then(|io| Window::new(io, 0, len?).ok()) {
            Some(window) => return Ok((window, found)),
            // The error names the first capability, which a device prefers.
            None if error == PciError::Missing(kind) => error = PciError::Unmapped { range },
            None => {}
        }
    }
    Err(error)
}

impl<I: Io, C> Pci<I, C> {
    /// Reads two words of 32 feature bits that the device offers.
    fn offered_words(&self, [low, high]: [u32; 2]) -> u64 {
        let half = |select: u32| {
            self.common.write(common_cfg::DeviceFeatureSelect, select);
            u64::from(self.common.read(common_cfg::DeviceFeature))
        };
        half(low) | half(high) << 32
    }

    /// Writes two words of 32 feature bits that the driver accepts.
    fn accept_words(&self, [low, high]: [u32; 2], features: u64) {
        for (select, half) in [(low, features as u32), (high, (features >> 32) as u32)] {
            self.common.write(common_cfg::DriverFeatureSelect, select);
            self.common.write(common_cfg::DriverFeature, half);
        }
    }
}

// SAFETY: the status register reads 0 only after the device has finished its reset ("Common configuration structure
// layout", 4.1.4.3), which ends its use of the queues. The addresses of queues are written unchanged. queue_reset reads 0 only
// after the device has finished the reset of the queue.
unsafe impl<I: Io, C: ConfigRegionAccess + Clone> Transport for Pci<I, C> {
    type InterfaceKind = Modern;
    type Notifier = PciNotifier<I>;
    type Interrupt = PciInterrupt<I>;
    type Config = PciConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Modern
    }

    fn name(&self) -> &'static str {
        "PCI, modern"
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
        match fits(self.common.io(), common_cfg::QueueReset) {
            true => SUPPORTED,
            // The structure of an older device ends before the field.
            false => SUPPORTED & !(1 << reserved::feature::RingReset::BIT),
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
        let register = self.notification_register(queue)?;
        self.set_vector(queue)?;
        self.common.write(common_cfg::QueueSize, size.get());
        self.common.write(common_cfg::QueueDesc, ring.descriptors.0);
        self.common.write(common_cfg::QueueDriver, ring.driver.0);
        self.common.write(common_cfg::QueueDevice, ring.device.0);
        self.common.write(common_cfg::QueueEnable, 1);
        Ok(PciNotifier { register, queue, format: self.format })
    }

    fn request_queue_reset(&mut self, queue: u16) {
        self.select(queue);
        self.common.write(common_cfg::QueueReset, 1);
    }

    fn is_queue_reset(&mut self, queue: u16) -> bool {
        self.select(queue);
        self.common.read(common_cfg::QueueReset) == 0
    }

    fn set_bus_master(&mut self, bus_master: BusMaster) {
        self.function.set_bus_master(bus_master);
    }

    fn shared_memory(&mut self, id: u8) -> Option<SharedMemory> {
        if self.status().contains(Status::DRIVER_OK) {
            return None;
        }
        // A BAR is not probed while bus mastering is enabled. Before DRIVER_OK the device does not access memory.
        let range = self.function.without_bus_master(|function| structures::shared_memory(function, id));
        range.and_then(|range| SharedMemory::new(range.address, range.len))
    }

    fn domain(&self) -> DmaDomain {
        self.common.io().domain()
    }

    fn config(&self) -> PciConfig<I> {
        PciConfig { common: self.common.clone(), space: self.device.clone() }
    }

    fn interrupt(&self) -> PciInterrupt<I> {
        PciInterrupt { isr: matches!(self.routing, Routing::Line).then(|| self.isr.clone()) }
    }
}

impl<I: Io, C: ConfigRegionAccess + Clone> QueueReset for Pci<I, C> {}
