//! Logs what drivers send to devices, in the form that `cargo xtask decode --log` reads.
//!
//! The log is made at each notification from the buffers that the driver has made available since the last one, so it needs no code in
//! drivers. What the device writes later is not in it. Only split rings are logged.

use core::cell::Cell;
use core::fmt::{self, Display, Formatter};
use core::mem::offset_of;
use core::ptr;

use aerostat_balloon::transport::queue::{QueueLimit, QueueSize, RingAddresses, RingPosition};
use aerostat_balloon::transport::spec::ring::{Avail, Desc};
use aerostat_balloon::transport::spec::{DeviceId, Feature, Interface, reserved};
use aerostat_balloon::transport::{
    BusError, BusMaster, DmaDomain, Features, Notifier, QueueError, SharedMemory, Status, Transport,
};
use log::info;

/// The maximum number of bytes of a buffer in the log.
const MOST: u32 = 4096;

/// A transport that logs.
#[derive(Debug)]
pub(crate) struct Logged<T> {
    transport: T,
    is_packed: bool,
}

impl<T> Logged<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self { transport, is_packed: false }
    }
}

/// The notifier of a queue that logs.
#[derive(Debug)]
pub(crate) struct LoggedNotifier<N> {
    notifier: N,
    device: DeviceId,
    queue: u16,
    size: u16,
    ring: RingAddresses,
    is_packed: bool,
    /// The available index up to which the buffers are logged.
    seen: Cell<u16>,
}

/// Reads a number from memory that the device also knows.
///
/// # Safety
///
/// The address is that of a number in memory of the kernel. The kernel maps memory at its physical address.
unsafe fn read<V: Copy>(address: u64) -> V {
    // SAFETY: by the caller's promise. The driver and the device may write it meanwhile, so the value may be any.
    unsafe { ptr::with_exposed_provenance::<V>(address as usize).read_volatile() }
}

impl<N> LoggedNotifier<N> {
    fn log(&self) {
        if self.is_packed {
            return;
        }
        // SAFETY: the ring is memory of the driver as long as the notifier can be called.
        let available: u16 = unsafe { read(self.ring.driver.0 + offset_of!(Avail, idx) as u64) };
        let mut seen = self.seen.replace(available);
        while seen != available {
            // The entries follow the header.
            let entry = size_of::<Avail>() + usize::from(seen % self.size) * size_of::<u16>();
            // SAFETY: as above.
            let head: u16 = unsafe { read(self.ring.driver.0 + entry as u64) };
            info!(
                "virtio {} queue {}: {} -> ",
                self.device,
                self.queue,
                Chain { table: self.ring.descriptors.0, head }
            );
            seen = seen.wrapping_add(1);
        }
    }
}

impl<N: Notifier> Notifier for LoggedNotifier<N> {
    fn notify(&self, next: RingPosition) {
        self.log();
        self.notifier.notify(next);
    }
}

/// The device-readable bytes of a descriptor chain, in hexadecimal.
struct Chain {
    table: u64,
    head: u16,
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (mut table, mut at, mut left) = (self.table, self.head, MOST);
        // A chain has at most as many descriptors as a queue, and a table of its own.
        for _ in 0..u16::MAX {
            let place = table + size_of::<Desc>() as u64 * u64::from(at);
            // SAFETY: the driver has written the chain, and takes its memory back only after the notification.
            let descriptor: Desc = unsafe { read(place) };
            let (address, len) = (descriptor.addr.get(), descriptor.len.get());
            let flags = descriptor.flags.get();
            if flags.indirect() {
                (table, at) = (address, 0);
                continue;
            }
            if !flags.write() {
                for byte in 0..len.min(left) {
                    // SAFETY: as above.
                    let byte: u8 = unsafe { read(address + u64::from(byte)) };
                    write!(f, "{byte:02x}")?;
                }
                left = left.saturating_sub(len);
            }
            if !flags.next() {
                break;
            }
            at = descriptor.next.get();
        }
        Ok(())
    }
}

// SAFETY: every call reaches the transport unchanged.
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
        self.transport.status()
    }

    fn set_status(&mut self, status: Status) {
        self.transport.set_status(status);
    }

    fn offered(&mut self) -> Features<Self> {
        self.transport.offered()
    }

    fn accept(&mut self, features: Features<Self>) {
        let bits: u64 = features.into();
        self.is_packed = bits & 1 << reserved::feature::RingPacked::BIT != 0;
        self.transport.accept(features);
    }

    fn offered_high(&mut self) -> Option<u64> {
        self.transport.offered_high()
    }

    fn accept_high(&mut self, features: u64) {
        self.transport.accept_high(features);
    }

    fn supported(&self) -> u64 {
        self.transport.supported()
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
        // SAFETY: by the caller's promise.
        let notifier = unsafe { self.transport.enable_queue(queue, size, ring) }?;
        let (device, is_packed) = (self.device_id(), self.is_packed);
        Ok(LoggedNotifier { notifier, device, queue, size: size.get(), ring: *ring, is_packed, seen: Cell::new(0) })
    }

    fn request_queue_reset(&mut self, queue: u16) {
        self.transport.request_queue_reset(queue);
    }

    fn is_queue_reset(&mut self, queue: u16) -> bool {
        self.transport.is_queue_reset(queue)
    }

    fn set_bus_master(&mut self, bus_master: BusMaster) {
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
