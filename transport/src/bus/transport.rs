//! The trait for access to a device over a bus.

use aerostat_spec::{DeviceId, Interface};

use crate::bus::config_io::ConfigIo;
use crate::bus::error::{BusError, QueueError};
use crate::bus::interface::InterfaceKind;
use crate::bus::interrupt::InterruptSource;
use crate::bus::notifier::Notifier;
use crate::bus::shared_memory::SharedMemory;
use crate::bus::status::Status;
use crate::dma::DmaDomain;
use crate::ring::{QueueLimit, QueueSize, RingAddresses};

/// The word of feature bits of the transport `T`.
pub type Features<T> = <<T as Transport>::InterfaceKind as InterfaceKind>::Features;

/// Access to one virtio device over a bus.
///
/// [`Mmio`](crate::Mmio) and [`Pci`](crate::Pci) are transports; other buses implement this trait.
/// [`Device`](crate::Device) calls the methods in the order of the life cycle. Handles for queues, configuration and interrupts
/// are separate objects, so different contexts of a kernel can own them.
///
/// # Safety
///
/// The transport gives memory to the device, and a reset takes it back. An implementation
///
/// * returns [`Status::RESET`] from [`Transport::status`] after a requested reset only once neither the device nor the transport
///   accesses the memory of any queue;
/// * gives the device exactly the addresses passed to [`Transport::enable_queue`], or those of a ring of its own, in memory used for
///   nothing else until the reset. Then it copies the descriptors there, and writes a used entry to `ring` only after the device has marked
///   that buffer as used, once. It does not access `ring` once `status` returns RESET, [`Transport::is_queue_reset`] returns true, or
///   `set_bus_master(Forbidden)` returns. `enable_queue` returns an error only if the device uses neither ring;
/// * after [`Transport::request_queue_reset`] returns true from [`Transport::is_queue_reset`] only once neither the device nor the
///   transport accesses the memory of the queue and of its buffers, unless [`Transport::queue_limit`] then returns
///   [`QueueError::InUse`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transport of a virtio device",
    label = "needs a `Transport`",
    note = "`Mmio`, `LegacyMmio`, `Pci` and `LegacyPci` are transports; implement `Transport` for a bus of your own"
)]
pub unsafe trait Transport {
    /// The interface of the transport: [`Modern`](crate::Modern), [`Legacy`](crate::Legacy), or [`Either`](crate::Either).
    type InterfaceKind: InterfaceKind;
    /// Notifies the device of new buffers in one queue.
    type Notifier: Notifier;
    /// The interrupt side of the device.
    type Interrupt: InterruptSource;
    /// The device's configuration space.
    type Config: ConfigIo;

    /// Returns the interface that the device is driven through, which is one that [`Transport::InterfaceKind`] allows.
    fn interface(&self) -> Interface;

    /// Returns the name of the bus and the interface for people, for instance "PCI, legacy". By default it is the name of the type.
    fn name(&self) -> &'static str {
        core::any::type_name::<Self>()
    }

    /// Returns the type of the device.
    fn device_id(&self) -> DeviceId;

    /// Returns the device status.
    fn status(&self) -> Status;

    /// Writes the device status. [`Status::RESET`] requests a reset.
    fn set_status(&mut self, status: Status);

    /// Returns the feature bits that the device offers, up to bit 63.
    fn offered(&mut self) -> Features<Self>;

    /// Writes the feature bits that the driver accepts, up to bit 63. They apply to notifiers that are created later.
    fn accept(&mut self, features: Features<Self>);

    /// Returns the feature bits 64 to 127 that the device offers, bit 64 as bit 0. Returns `None` if the transport does not reach
    /// them, as on the legacy interface. Called only for a driver that declares such a feature.
    fn offered_high(&mut self) -> Option<u64> {
        None
    }

    /// Writes the feature bits 64 to 127 that the driver accepts, bit 64 as bit 0. Called before [`Transport::accept`], and only if
    /// [`Transport::offered_high`] has returned them.
    fn accept_high(&mut self, features: u64) {
        let _ = features;
    }

    /// Returns the reserved feature bits (24 to 49) that work over this transport. VIRTIO_F_VERSION_1 and VIRTIO_F_ANY_LAYOUT need
    /// not be among them, because [`Device`](crate::Device) negotiates them by [`Transport::interface`].
    fn supported(&self) -> u64;

    /// Sets up the bus after feature negotiation, for instance the interrupt for configuration changes.
    ///
    /// # Errors
    ///
    /// [`BusError`]
    fn set_up_bus(&mut self) -> Result<(), BusError> {
        Ok(())
    }

    /// Returns the sizes that the device allows for a queue.
    ///
    /// # Errors
    ///
    /// [`QueueError::Missing`] if the device does not have the queue, [`QueueError::InUse`] if it is enabled.
    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError>;

    /// Programs a queue and enables it.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and the queue is not enabled.
    ///
    /// # Safety
    ///
    /// The memory at `ring` has the layout for `size` and contains no used entries. The device or the transport may use it until the
    /// queue or the device is reset.
    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<Self::Notifier, QueueError>;

    /// Requests the reset of a queue ("Virtqueue Reset", 2.6.1). Does nothing on the legacy interface.
    fn request_queue_reset(&mut self, queue: u16) {
        let _ = queue;
    }

    /// Returns whether the device reports that the requested reset of a queue has finished. Always false on the legacy
    /// interface.
    fn is_queue_reset(&mut self, queue: u16) -> bool {
        let _ = queue;
        false
    }

    /// Allows or forbids the device to access memory, where the bus can do so. [`Device`](crate::Device) allows it after the
    /// reset, and forbids it when the device has failed or is no longer in use.
    fn set_bus_master(&mut self, bus_master: BusMaster) {
        let _ = bus_master;
    }

    /// Returns the shared memory region with this id, or `None` if the device does not have it or the transport does not support
    /// shared memory. Called after [`Transport::accept`] and before [`Status::DRIVER_OK`] is set. A transport may return `None` at
    /// other times.
    fn shared_memory(&mut self, _id: u8) -> Option<SharedMemory> {
        None
    }

    /// Returns the IOMMU domain of the device, see [`Io::domain`](crate::Io::domain).
    fn domain(&self) -> DmaDomain {
        DmaDomain::IDENTITY
    }

    /// Returns the configuration space.
    fn config(&self) -> Self::Config;

    /// Returns the interrupt side of the device.
    fn interrupt(&self) -> Self::Interrupt;
}

/// Whether a device may access memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusMaster {
    /// It may.
    Allowed,
    /// It may not.
    Forbidden,
}

/// A transport that can reset a single queue ("Virtqueue Reset", 2.6.1): one of the modern interface, or one whose interface is
/// selected at run time. There the reset fails if the interface is the legacy one.
#[diagnostic::on_unimplemented(
    message = "a queue cannot be reset over `{Self}`",
    label = "the legacy interface cannot reset a single queue",
    note = "reset the whole device with `Device::reset`"
)]
pub trait QueueReset: Transport {}
