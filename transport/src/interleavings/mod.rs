//! Interleaving tests: the code of the queues against a device in another thread, in models of loom.
//!
//! Driver and device share the memory of a ring. The device follows the specification, and waits for notifications as the driver waits
//! for interrupts.

mod device;
mod interrupts;
mod notifications;
mod weaker;

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use aerostat_interleavings::loom::sync::Notify;
use aerostat_interleavings::register;
use aerostat_spec::Interface;
use aerostat_spec::direction::Both;

use self::device::Device;
use crate::barrier::Barriers;
use crate::bus::Notifier;
use crate::dma::{DeviceAddress, DmaRegion};
use crate::queue::{
    Access, Directions, Element, Enabled, Generation, QueueCore, QueueOps, QueueSize, Token, VirtQueue,
};
use crate::ring::{Events, Format, Indirect, Ring, RingPosition, Rules, Unbounded, UseOrder};

/// Descriptors of a ring.
const DESCRIPTORS: usize = 4;
/// Buffers that a model exchanges. Each has two elements.
const BUFFERS: usize = 2;

/// A queue of the driver with the notifier `N`.
type Queue<N> = VirtQueue<N, DESCRIPTORS, Enabled>;

/// The memory of a ring.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    fn new(layout: Layout) -> Self {
        // SAFETY: a ring is not empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap();
        Self { start, layout }
    }

    /// Returns a view of the memory, for one of the sides. The sides share it.
    fn view(&self) -> DmaRegion {
        // SAFETY: the memory stays until the end of the model. Its two owners access it only in the way that loom checks.
        unsafe { DmaRegion::new(self.start, 0, self.layout) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` allocated it, and the model has ended.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

// SAFETY: both sides access the memory only in the way that loom checks.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

/// Creates a queue of the driver, and its device.
fn queue<N: Notifier>(format: Format, events: Events, notifier: N) -> (Queue<N>, Device, Arc<Memory>) {
    let rules = Rules {
        interface: Interface::Modern,
        format,
        events,
        order: UseOrder::Any,
        indirect: Indirect::Forbidden,
        barriers: Barriers::Cpus,
    };
    let size = QueueSize::new(DESCRIPTORS as u16).unwrap();
    let memory = Memory::new(Ring::layout(rules, size));
    let ring = Ring::new::<Unbounded>(rules, memory.view(), size);
    // SAFETY: the memory is that of a ring.
    unsafe { register(memory.start, memory.layout.size()) };
    let device = Device::new(rules, size, memory.view(), ring.addresses::<Unbounded>());
    let generation = Generation::new().unwrap();
    let core = QueueCore::new(ring, QueueOps::within::<Unbounded>(), None, Directions::of::<Both>(), 0, generation);
    (VirtQueue::new(core, notifier).enable_for(generation), device, Arc::new(memory))
}

/// Returns the elements of a buffer.
fn elements(buffer: usize) -> [Element; 2] {
    [0, 1].map(|element| Element {
        address: DeviceAddress((buffer as u64 + 1) << 48 | (element + 1) << 32 | 0x1234_5678),
        len: (buffer as u32 + 1) << 16 | 0x100,
        access: Access::DeviceWrites,
    })
}

/// Makes a buffer available.
fn add<N: Notifier>(queue: &mut Queue<N>, buffer: usize) -> Token {
    // SAFETY: no memory is behind the addresses, and the device of the model does not access it.
    unsafe { queue.add(&elements(buffer)) }.unwrap()
}

/// Returns the length that the device reports for a buffer.
fn written(buffer: usize) -> u32 {
    (buffer as u32 + 1) << 16 | 1
}

/// A notification that arrives as soon as it is sent, with everything that was written before.
struct Doorbell(Arc<Notify>);

impl Notifier for Doorbell {
    fn notify(&self, _next: RingPosition) {
        self.0.notify();
    }
}

/// A notification that is not expected.
struct NoDoorbell;

impl Notifier for NoDoorbell {
    fn notify(&self, _next: RingPosition) {}
}
