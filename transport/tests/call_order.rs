//! The order in which a device calls its transport, as the chapter "Porting to a kernel" says in "Another bus".

use std::cell::RefCell;
use std::rc::Rc;

use aerostat_spec::{DeviceId, Interface};
use aerostat_test_support::{Memory, Plain, SoftMmio, test_device};
use aerostat_transport::queue::{QueueLimit, QueueSize, RingAddresses};
use aerostat_transport::{
    BusError, BusMaster, Device, Features, Mmio, MmioConfig, MmioInterrupt, MmioNotifier, Modern, QueueError, Status,
    Transport,
};

/// A transport that records the calls, except those of `interface`.
struct Recording {
    bus: Mmio<SoftMmio>,
    calls: Rc<RefCell<Vec<String>>>,
}

impl Recording {
    fn new() -> (Self, Rc<RefCell<Vec<String>>>) {
        let bus = Mmio::new(SoftMmio::new(42)).map_err(|(_, error)| error).unwrap();
        let calls = Rc::<RefCell<Vec<String>>>::default();
        (Self { bus, calls: calls.clone() }, calls)
    }

    fn record(&self, call: impl Into<String>) {
        self.calls.borrow_mut().push(call.into());
    }
}

// SAFETY: every call reaches the transport unchanged.
unsafe impl Transport for Recording {
    type InterfaceKind = Modern;
    type Notifier = MmioNotifier<SoftMmio>;
    type Interrupt = MmioInterrupt<SoftMmio>;
    type Config = MmioConfig<SoftMmio>;

    fn interface(&self) -> Interface {
        self.bus.interface()
    }

    fn device_id(&self) -> DeviceId {
        self.record("device_id");
        self.bus.device_id()
    }

    fn status(&self) -> Status {
        self.record("status");
        self.bus.status()
    }

    fn set_status(&mut self, status: Status) {
        self.record(format!("set_status {:#x}", status.0));
        self.bus.set_status(status);
    }

    fn offered(&mut self) -> Features<Self> {
        self.record("offered");
        self.bus.offered()
    }

    fn accept(&mut self, features: Features<Self>) {
        self.record(format!("accept {features:#x}"));
        self.bus.accept(features);
    }

    /// Without VERSION_1, which is negotiated all the same.
    fn supported(&self) -> u64 {
        self.record("supported");
        0
    }

    fn set_up_bus(&mut self) -> Result<(), BusError> {
        self.record("set_up_bus");
        self.bus.set_up_bus()
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        self.record(format!("queue_limit {queue}"));
        self.bus.queue_limit(queue)
    }

    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<Self::Notifier, QueueError> {
        self.record(format!("enable_queue {queue}"));
        // SAFETY: by the caller's promise.
        unsafe { self.bus.enable_queue(queue, size, ring) }
    }

    fn set_bus_master(&mut self, bus_master: BusMaster) {
        self.record(format!("set_bus_master {bus_master:?}"));
        self.bus.set_bus_master(bus_master);
    }

    fn config(&self) -> Self::Config {
        self.record("config");
        self.bus.config()
    }

    fn interrupt(&self) -> Self::Interrupt {
        self.bus.interrupt()
    }
}

const UNTIL_DRIVER: [&str; 8] = [
    "device_id",
    "set_status 0x0",
    "status",
    "set_bus_master Allowed",
    "status",
    "set_status 0x1",
    "status",
    "set_status 0x3",
];

#[test]
fn a_device_calls_its_transport_in_the_order_of_the_chapter() {
    let (transport, calls) = Recording::new();
    let mut memory = Memory::new();
    let device = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    let device = device.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver();
    assert_eq!(calls.take(), UNTIL_DRIVER);
    let mut device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap();
    let negotiation = ["offered", "config", "supported", "accept 0x100000000", "status", "set_status 0xb", "status"];
    assert_eq!(calls.take(), [&negotiation[..], &["set_up_bus"]].concat());
    let queue = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    assert_eq!(calls.take(), ["queue_limit 0", "enable_queue 0"]);
    let device = device.go_live();
    device.check().unwrap();
    assert_eq!(calls.take(), ["status", "set_status 0xf", "status"]);
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    assert_eq!(calls.take(), ["set_status 0x0", "status", "set_bus_master Forbidden"]);
    queue.release(&proof, &mut memory).unwrap();
}

#[test]
fn a_device_that_is_dropped_has_failed_and_cannot_access_memory() {
    let (transport, calls) = Recording::new();
    let device = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    drop(device.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver());
    let failure = ["status", "set_status 0x83", "set_bus_master Forbidden"];
    assert_eq!(calls.take(), [&UNTIL_DRIVER[..], &failure].concat());
}
