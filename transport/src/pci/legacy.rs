//! The PCI transport, legacy interface ("Legacy Interfaces: A Note on PCI Device Layout", 4.1.4.10).

use aerostat_spec::pci::{LEGACY_CONFIG_OFFSET, LEGACY_CONFIG_OFFSET_MSIX, NO_VECTOR, legacy as reg};
use aerostat_spec::{Block, DeviceId, Field, Interface};
use pci_types::ConfigRegionAccess;

use crate::config::LegacyConfig;
use crate::interface::Legacy;
use crate::io::Io;
use crate::pci::function::{BarIndex, PciFunction, Space};
use crate::pci::{MapBar, PciError, PciInterrupt, PciNotifier, Routing, msix};
use crate::queue::{QueueError, QueueLimit, QueueSize, RingAddresses};
use crate::region::Window;
use crate::registers::Registers;
use crate::status::Status;
use crate::transport::{BusError, Carries, Transport};

/// A device on the PCI bus, driven through the legacy interface: registers at the start of its first BAR, which lies in I/O
/// space.
///
/// The size of a queue is the device's choice; a driver that wants fewer descriptors leaves the others unused.
#[derive(Debug)]
pub struct LegacyPci<I> {
    registers: Registers<reg::Space, I>,
    notify: Window<I>,
    isr: Window<I>,
    id: DeviceId,
    routing: Routing,
}

impl<I: Io> LegacyPci<I> {
    /// Maps the first BAR of the device through `map`, and lets the function reach memory.
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
        let range = function.bar(BarIndex::FIRST).filter(|range| range.space == Space::Ports);
        let range = range.filter(|_| function.may_be_legacy()).ok_or(PciError::NoLegacyInterface)?;
        if range.len < <reg::Space as Block>::LEN as u64 {
            return Err(PciError::NoLegacyInterface);
        }
        function.enable();
        if routing == Routing::Line {
            msix::disable(function);
        }
        let io = map.map(range).ok_or(PciError::Unmapped { range })?;
        let part = |at: usize, len: usize| Window::new(io.clone(), at, len).ok_or(PciError::Unmapped { range });
        // All registers but those of MSI-X are there in any case, as long as what was mapped is what was asked for.
        let notify = part(reg::QueueNotify::OFFSET, size_of::<u16>())?;
        let isr = part(reg::IsrStatus::OFFSET, size_of::<u8>())?;
        Ok(Self { registers: Registers::new(io), notify, isr, id, routing })
    }

    /// The type of the device.
    pub fn device(&self) -> DeviceId {
        self.id
    }
}

// SAFETY: a device of the legacy interface is reset by the write of 0 to its status, which ends its use of the queues
// before the register reads 0; the address of a queue is written as given, or not at all.
unsafe impl<I: Io> Transport for LegacyPci<I> {
    type InterfaceKind = Legacy;
    type Notifier = PciNotifier<I>;
    type Interrupt = PciInterrupt<I>;
    type Config = LegacyConfig<I>;

    fn interface(&self) -> Interface {
        Interface::Legacy
    }

    fn device_id(&self) -> DeviceId {
        self.id
    }

    fn status(&self) -> Status {
        Status(self.registers.read(reg::DeviceStatus))
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
        crate::SUPPORTED_LEGACY
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
        Ok(PciNotifier { register: self.notify.clone(), queue, carries: Carries::Queue })
    }

    fn config(&self) -> LegacyConfig<I> {
        let start = match self.routing {
            Routing::Line => LEGACY_CONFIG_OFFSET,
            Routing::Messages { .. } => LEGACY_CONFIG_OFFSET_MSIX,
        };
        LegacyConfig::new(self.registers.io().clone(), start)
    }

    fn interrupt(&self) -> PciInterrupt<I> {
        PciInterrupt { isr: matches!(self.routing, Routing::Line).then(|| self.isr.clone()) }
    }
}
