//! What a bus has to do for a device.

use aerostat_spec::{DeviceId, Feature, Interface, reserved};

use crate::config::ConfigIo;
use crate::interface::InterfaceKind;
use crate::queue::{QueueError, QueueLimit, QueueSize, RingAddresses, RingPosition};
use crate::status::Status;

/// The word of feature bits that the transport `T` has.
pub type Features<T> = <<T as Transport>::InterfaceKind as InterfaceKind>::Features;

/// A way to reach one virtio device: MMIO, PCI, or a bus of your own.
///
/// [`Device`](crate::Device) drives it through the life cycle; a transport itself keeps no order. Handles for queues,
/// configuration and interrupts are separate objects, which different contexts of a kernel can own.
///
/// # Safety
///
/// The driver lends memory to the device through the transport and takes it back after a reset. An implementation
///
/// * reports [`Status::RESET`] from [`Transport::status`] after [`Transport::set_status`] with [`Status::RESET`] only
///   once the device no longer touches the memory of any queue;
/// * passes exactly the addresses given to [`Transport::enable_queue`] to the device, and returns an error from it only
///   where the device does not know them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no way to reach a virtio device",
    label = "needs a `Transport`",
    note = "`Mmio`, `LegacyMmio`, `Pci` and `LegacyPci` are transports; implement `Transport` for a bus of your own"
)]
pub unsafe trait Transport {
    /// The interface that the transport is for: [`Modern`](crate::Modern), [`Legacy`](crate::Legacy), or
    /// [`Either`](crate::Either) of them.
    type InterfaceKind: InterfaceKind;
    /// Tells the device of new buffers in one queue.
    type Notifier: Notifier;
    /// The interrupt side.
    type Interrupt: InterruptSource;
    /// The device's own configuration space.
    type Config: ConfigIo;

    /// The interface that the device is driven through.
    fn interface(&self) -> Interface;

    /// The type of the device.
    fn device_id(&self) -> DeviceId;

    /// The device status.
    fn status(&self) -> Status;

    /// Writes the device status; [`Status::RESET`] asks for a reset.
    fn set_status(&mut self, status: Status);

    /// All feature bits that the device offers.
    fn offered(&mut self) -> Features<Self>;

    /// Writes the feature bits that the driver accepts. Notifiers that are made later keep to them.
    fn accept(&mut self, features: Features<Self>);

    /// The reserved feature bits (24 to 49) that this transport can carry.
    fn supported(&self) -> u64;

    /// Sets up what belongs to the bus, such as the interrupt of the configuration, once the features are agreed on.
    ///
    /// # Errors
    ///
    /// [`BusError`]
    fn set_up_bus(&mut self) -> Result<(), BusError> {
        Ok(())
    }

    /// The sizes that the queue can have.
    ///
    /// # Errors
    ///
    /// [`QueueError::Missing`] where the device does not have the queue, [`QueueError::InUse`] where it is enabled.
    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError>;

    /// Programs a queue and enables it.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and the queue is not enabled.
    ///
    /// # Safety
    ///
    /// The ring is memory of the layout that belongs to `size`, without a used buffer, which the device may use until it
    /// or the queue is reset.
    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<Self::Notifier, QueueError>;

    /// The configuration space.
    fn config(&self) -> Self::Config;

    /// The interrupt side.
    fn interrupt(&self) -> Self::Interrupt;
}

/// A transport over which a single queue can be reset ("Virtqueue Reset", 2.6.1): that of the modern interface.
///
/// # Safety
///
/// After [`QueueReset::ask_reset`], once [`QueueReset::is_reset`] is true and [`Transport::queue_limit`] does not say that the
/// queue is in use, the device no longer touches the memory of the queue, nor that of its buffers.
#[diagnostic::on_unimplemented(
    message = "a queue cannot be reset over `{Self}`",
    label = "the interface has no reset of a single queue",
    note = "the legacy interface resets queues together with their device: use `Device::reset`"
)]
pub unsafe trait QueueReset: Transport {
    /// Asks for the reset of a queue.
    fn ask_reset(&mut self, queue: u16);

    /// Whether the device says that the reset is done.
    fn is_reset(&mut self, queue: u16) -> bool;
}

/// Why a bus could not be set up for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The device did not accept the interrupt vector for its configuration.
    #[error("the device did not accept MSI-X vector {vector} for its configuration")]
    Vector {
        /// The vector that was written.
        vector: u16,
    },
}

/// Tells a device that a queue has new buffers.
pub trait Notifier {
    /// Sends the notification. `next` is where in the ring the next buffer will be made available; it is part of the
    /// notification with the feature NOTIFICATION_DATA ("Driver Notifications", 2.9).
    fn notify(&self, next: RingPosition);
}

/// What a notification carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// The number of the queue.
    Queue,
    /// Beside it, where in the ring the next buffer will be (NOTIFICATION_DATA).
    QueueAndPosition,
}

impl Carries {
    /// By the features that the driver accepts.
    pub(crate) const fn by(features: u64) -> Self {
        match features & 1 << reserved::feature::NotificationData::BIT {
            0 => Self::Queue,
            _ => Self::QueueAndPosition,
        }
    }

    /// The length in bytes of a notification over PCI, which is its alignment too.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Queue => size_of::<u16>(),
            Self::QueueAndPosition => size_of::<u32>(),
        }
    }
}

/// The interrupt side of a device: may be used in an interrupt handler, beside everything else.
pub trait InterruptSource: Clone {
    /// Acknowledges the interrupt and says what it was about. Acknowledge first, then look at queues and configuration:
    /// in the other order an event in between is lost.
    fn acknowledge(&self) -> InterruptStatus;
}

/// What an interrupt was about. None of both: it was not this device's, or spurious.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterruptStatus {
    /// The device has used buffers, in any of its queues.
    pub used_buffers: bool,
    /// The configuration has changed, or the device needs a reset.
    pub configuration: bool,
}

impl InterruptStatus {
    /// Everything that an interrupt can be about, for interrupts that do not say.
    pub const ANY: Self = Self { used_buffers: true, configuration: true };

    /// Whether there is no cause at all.
    pub const fn is_none(self) -> bool {
        !self.used_buffers && !self.configuration
    }
}
