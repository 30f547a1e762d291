//! Logs what drivers and devices exchange, in the form that `cargo xtask decode --log` reads. Drivers need no code for it.
//!
//! Each queue has a shadow ring, see [`aerostat_guest::shadow`]. The log has a line for each buffer that the device has used, with both
//! directions, and for each buffer that it has not used at a reset. Notifications and interrupts are not suppressed while there is a log.

mod queues;

use aerostat_balloon::transport::queue::{QueueLimit, QueueSize, RingAddresses, RingPosition};
use aerostat_balloon::transport::spec::{DeviceId, Feature, Interface, reserved};
use aerostat_balloon::transport::{
    BusError, BusMaster, DmaDomain, Features, Notifier, QueueError, SharedMemory, Status, Transport,
};
use aerostat_guest::shadow::RingFormat;
use log::warn;

/// Logs the buffers that the devices have used, and gives them back to their drivers. Returns whether there are any. The kernel calls it
/// before it sleeps, because drivers see used buffers only afterwards.
pub(crate) fn receive() -> bool {
    queues::receive()
}

/// A transport that logs.
#[derive(Debug)]
pub(crate) struct Logged<T> {
    transport: T,
    format: RingFormat,
}

impl<T> Logged<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self { transport, format: RingFormat::Split }
    }
}

/// The notifier of a queue that logs.
#[derive(Debug)]
pub(crate) struct LoggedNotifier<N> {
    notifier: N,
    device: DeviceId,
    queue: u16,
}

impl<N: Notifier> Notifier for LoggedNotifier<N> {
    fn notify(&self, next: RingPosition) {
        queues::send(self.device, self.queue);
        self.notifier.notify(next);
    }
}

// SAFETY: every call reaches the transport, which keeps the contract. These differ:
// * `supported` offers fewer features, and `accept` notes the format of the rings.
// * `enable_queue` gives the device the addresses of a shadow ring, in static memory that holds only the shadow ring of this queue. It returns
//   an error only if the transport does, and then the device uses neither ring.
// * The notifier copies descriptors to the shadow. `receive` copies each used entry to the driver's ring once, after the device wrote it.
// * `set_status(RESET)`, `status` that returns RESET, `request_queue_reset`, which is before `is_queue_reset` returns true, and
//   `set_bus_master(Forbidden)` stop all of that before they return. So the driver may free its ring as it may without a log.
unsafe impl<T: Transport> Transport for Logged<T> {
    type InterfaceKind = T::InterfaceKind;
    type Notifier = LoggedNotifier<T::Notifier>;
    type Interrupt = T::Interrupt;
    type Config = T::Config;

    fn interface(&self) -> Interface {
        self.transport.interface()
    }

    fn name(&self) -> &'static str {
        self.transport.name()
    }

    fn device_id(&self) -> DeviceId {
        self.transport.device_id()
    }

    fn status(&self) -> Status {
        let status = self.transport.status();
        if status == Status::RESET {
            // The host may have reset the device.
            queues::stop_all(self.device_id());
        }
        status
    }

    fn set_status(&mut self, status: Status) {
        if status == Status::RESET {
            // After the reset the driver may free its rings.
            queues::stop_all(self.device_id());
        }
        self.transport.set_status(status);
    }

    fn offered(&mut self) -> Features<Self> {
        self.transport.offered()
    }

    fn accept(&mut self, features: Features<Self>) {
        let bits: u64 = features.into();
        self.format = match bits & 1 << reserved::feature::RingPacked::BIT {
            0 => RingFormat::Split,
            _ => RingFormat::Packed,
        };
        self.transport.accept(features);
    }

    fn offered_high(&mut self) -> Option<u64> {
        self.transport.offered_high()
    }

    fn accept_high(&mut self, features: u64) {
        self.transport.accept_high(features);
    }

    fn supported(&self) -> u64 {
        // With IN_ORDER a device does not name each buffer that it has used. The barriers of shadow rings order the accesses of CPUs only.
        let left_out = 1 << reserved::feature::InOrder::BIT | 1 << reserved::feature::OrderPlatform::BIT;
        self.transport.supported() & !left_out
    }

    fn set_up_bus(&mut self) -> Result<(), BusError> {
        self.transport.set_up_bus()
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        self.transport.queue_limit(queue)
    }

    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<Self::Notifier, QueueError> {
        let device = self.device_id();
        let shadow = if self.domain() == DmaDomain::IDENTITY {
            // SAFETY: until the queue or the device is reset, and the log stops before that,
            // * it is the driver's ring, by the caller's promise, at its physical address, because the domain is the identity. The device
            //   gets it only if this fails.
            // * a driver gives the memory of its buffers and indirect tables to the device, at physical addresses for the same reason.
            unsafe { queues::start(device, queue, size.get(), ring, self.format) }
        } else {
            warn!("virtio {device} queue {queue} is not logged: the addresses of its buffers are not physical");
            None
        };
        // SAFETY: by the caller's promise, or the memory is a shadow with the same layout, is filled with zeros and is static.
        let notifier = unsafe { self.transport.enable_queue(queue, size, shadow.as_ref().unwrap_or(ring)) };
        let notifier = notifier.inspect_err(|_| queues::stop(device, queue))?;
        Ok(LoggedNotifier { notifier, device, queue })
    }

    fn request_queue_reset(&mut self, queue: u16) {
        queues::stop(self.device_id(), queue);
        self.transport.request_queue_reset(queue);
    }

    fn is_queue_reset(&mut self, queue: u16) -> bool {
        self.transport.is_queue_reset(queue)
    }

    fn set_bus_master(&mut self, bus_master: BusMaster) {
        if bus_master == BusMaster::Forbidden {
            // The use of the device ends, also without a reset: afterwards the driver may free its rings.
            queues::stop_all(self.device_id());
        }
        self.transport.set_bus_master(bus_master);
    }

    fn shared_memory(&mut self, id: u8) -> Option<SharedMemory> {
        self.transport.shared_memory(id)
    }

    fn domain(&self) -> DmaDomain {
        self.transport.domain()
    }

    fn config(&self) -> Self::Config {
        self.transport.config()
    }

    fn interrupt(&self) -> Self::Interrupt {
        self.transport.interrupt()
    }
}
