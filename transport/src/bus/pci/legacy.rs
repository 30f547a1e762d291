//! The PCI transport, legacy interface ("Legacy Interfaces: A Note on PCI Device Layout", 4.1.4.10).

use aerostat_spec::pci::{LEGACY_CONFIG_OFFSET, LEGACY_CONFIG_OFFSET_MSIX, NO_VECTOR, legacy as reg};
use aerostat_spec::{Block, DeviceId, Field, Interface};
use pci_types::ConfigRegionAccess;

use crate::bus::config_io::LegacyConfig;
use crate::bus::error::{BusError, QueueError};
use crate::bus::features::SUPPORTED_LEGACY;
use crate::bus::interface::Legacy;
use crate::bus::notifier::NotificationFormat;
use crate::bus::pci::bar::{BarIndex, BarRange, Space};
use crate::bus::pci::error::PciError;
use crate::bus::pci::function::PciFunction;
use crate::bus::pci::handles::{PciInterrupt, PciNotifier};
use crate::bus::pci::map_bar::MapBar;
use crate::bus::pci::routing::Routing;
use crate::bus::status::Status;
use crate::bus::transport::{BusMaster, Transport};
use crate::io::{Io, Registers, Window, registers};
use crate::ring::{QueueLimit, QueueSize, RingAddresses};

/// Number of bytes of the BAR that are mapped at most, so that a device cannot make the kernel map a huge range.
const MAX_LEN: u64 = 64 << 10;

/// The transport of a PCI device, legacy interface. The registers are at the start of the first BAR, in I/O space.
///
/// The device chooses the size of a queue. A driver that uses fewer descriptors leaves the others unused.
#[derive(Debug)]
pub struct LegacyPci<I, C> {
    function: PciFunction<C>,
    registers: Registers<reg::Space, I>,
    notify: Window<I>,
    isr: Window<I>,
    id: DeviceId,
    routing: Routing,
}

impl<I: Io, C: ConfigRegionAccess + Clone> LegacyPci<I, C> {
    /// Maps the first BAR of the device, or the first 64 KiB of it, through `map`, and enables the function, except for bus
    /// mastering, which follows after the reset.
    ///
    /// # Errors
    ///
    /// [`PciError`]
    pub fn new(function: &PciFunction<C>, map: &mut impl MapBar<Io = I>, routing: Routing) -> Result<Self, PciError> {
        let id = function.virtio_device().ok_or(PciError::NotVirtio)?;
        routing.check(function)?;
        let range = registers_bar(function).ok_or(PciError::NoLegacyInterface)?;
        routing.enable(function);
        let io = map.map(range).ok_or(PciError::Unmapped { range })?;
        let part = |at: usize, len: usize| Window::new(io.clone(), at, len).map_err(|_| PciError::Unmapped { range });
        // Fails if `map` returned less than the requested range.
        let notify = part(reg::QueueNotify::OFFSET, size_of::<u16>())?;
        let isr = part(reg::IsrStatus::OFFSET, size_of::<u8>())?;
        Ok(Self { function: function.clone(), registers: Registers::new(io), notify, isr, id, routing })
    }
}

/// Returns the BAR with the legacy registers, if the function has them, or the first bytes of it. Disables bus mastering, because
/// BARs are not probed while it is enabled.
fn registers_bar<C: ConfigRegionAccess>(function: &PciFunction<C>) -> Option<BarRange> {
    if !function.may_be_legacy() {
        return None;
    }
    function.set_bus_master(BusMaster::Forbidden);
    let range = function.bar(BarIndex::FIRST)?;
    let holds_registers = range.space == Space::Ports && range.len >= <reg::Space as Block>::LEN as u64;
    holds_registers.then_some(BarRange { len: range.len.min(MAX_LEN), ..range })
}

fn status<I: Io>(io: &I) -> Status {
    Status(registers::read(io, reg::DeviceStatus, Interface::Modern))
}

// SAFETY: writing 0 to the status resets a legacy device, which ends its use of the queues before the register reads 0. The
// address of a queue is written unchanged, or not at all.
unsafe impl<I: Io, C: ConfigRegionAccess + Clone> Transport for LegacyPci<I, C> {
    type InterfaceKind = Legacy;
    type Notifier = PciNotifier<I>;
    type Interrupt = PciInterrupt<I>;
    type Config = LegacyConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Legacy
    }

    fn name(&self) -> &'static str {
        "PCI, legacy"
    }

    fn device_id(&self) -> DeviceId {
        self.id
    }

    fn status(&self) -> Status {
        status(self.registers.io())
    }

    fn set_status(&mut self, status: Status) {
        self.registers.write(reg::DeviceStatus, status.0);
    }

    fn offered(&mut self) -> u32 {
        self.registers.read(reg::DeviceFeatures)
    }

    fn accept(&mut self, features: u32) {
        self.registers.write(reg::DriverFeatures, features);
    }

    fn supported(&self) -> u64 {
        SUPPORTED_LEGACY
    }

    fn set_up_bus(&mut self) -> Result<(), BusError> {
        let Some(vector) = self.routing.configuration() else { return Ok(()) };
        self.registers.write(reg::ConfigMsixVector, vector);
        match self.registers.read(reg::ConfigMsixVector) {
            NO_VECTOR => Err(BusError::Vector { vector }),
            _ => Ok(()),
        }
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        self.registers.write(reg::QueueSelect, queue);
        match (self.registers.read(reg::QueueSize), self.registers.read(reg::QueueAddress)) {
            (0, _) => Err(QueueError::Missing { queue }),
            (size, 0) => Ok(QueueLimit::Exactly(size)),
            _ => Err(QueueError::InUse { queue }),
        }
    }

    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        _size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<PciNotifier<I>, QueueError> {
        let pfn = ring.legacy_pfn().ok_or(QueueError::Address { queue, address: ring.descriptors.0 })?;
        self.registers.write(reg::QueueSelect, queue);
        if let Some(vector) = self.routing.queue(queue) {
            self.registers.write(reg::QueueMsixVector, vector);
            if self.registers.read(reg::QueueMsixVector) == NO_VECTOR {
                return Err(QueueError::Vector { queue, vector });
            }
        }
        self.registers.write(reg::QueueAddress, pfn);
        Ok(PciNotifier { register: self.notify.clone(), queue, format: NotificationFormat::Queue })
    }

    fn set_bus_master(&mut self, bus_master: BusMaster) {
        self.function.set_bus_master(bus_master);
    }

    fn config(&self) -> LegacyConfig<I> {
        let start = match self.routing {
            Routing::Line => LEGACY_CONFIG_OFFSET,
            Routing::Messages { .. } => LEGACY_CONFIG_OFFSET_MSIX,
        };
        LegacyConfig::new(self.registers.io().clone(), start, status)
    }

    fn interrupt(&self) -> PciInterrupt<I> {
        PciInterrupt { isr: matches!(self.routing, Routing::Line).then(|| self.isr.clone()) }
    }
}
