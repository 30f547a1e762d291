//! The queues that are logged, and the memory of their shadow rings.

use core::cell::UnsafeCell;
use core::sync::atomic::{Ordering, fence};

use aerostat_balloon::transport::DeviceAddress;
use aerostat_balloon::transport::queue::RingAddresses;
use aerostat_balloon::transport::spec::DeviceId;
use aerostat_guest::shadow::{Area, RingFormat, ShadowRing};
use log::{info, warn};
use spin::Mutex;

/// The maximum number of queues in the log.
const QUEUES: usize = 8;
/// Memory for a ring of up to 512 descriptors in bytes, also on the legacy interface.
const BYTES: usize = 6 * 4096;

/// Interrupt handlers do not lock it.
static SHADOWS: Mutex<[Shadow; QUEUES]> =
    Mutex::new([const { Shadow { queue: None, ring: ShadowRing::new() } }; QUEUES]);

/// The memory of the rings that the devices use, in the order of [`SHADOWS`].
static MEMORY: [Memory; QUEUES] = [const { Memory(UnsafeCell::new([0; BYTES])) }; QUEUES];

/// Memory that a device also accesses, with the alignment of a legacy ring.
#[repr(C, align(4096))]
struct Memory(UnsafeCell<[u8; BYTES]>);

// SAFETY: Rust code accesses the bytes through the rings in `SHADOWS` only, which is locked.
unsafe impl Sync for Memory {}

/// A queue whose exchanges are logged. The kernel uses one device of each type.
#[derive(Debug)]
struct Shadow {
    /// The device and the index of the queue. `None` if no queue has used it yet.
    queue: Option<(DeviceId, u16)>,
    ring: ShadowRing,
}

/// Starts to log a queue. Returns the addresses of the ring for the device, whose memory is never freed. Returns `None` if the queue
/// cannot be logged.
///
/// # Safety
///
/// Until [`stop`] is called for the queue or [`stop_all`] for its device,
///
/// * the memory at `ring` is that of a ring of the driver, with this size and in this format, and the device does not use it;
/// * the buffers that the driver makes available there, and their indirect tables, are memory at its physical address that the driver does
///   not use otherwise until the device has used them. The device changes a table at most after it got it.
pub(super) unsafe fn start(
    device: DeviceId,
    queue: u16,
    size: u16,
    ring: &RingAddresses,
    format: RingFormat,
) -> Option<RingAddresses> {
    let mut shadows = SHADOWS.lock();
    let found = shadows.iter().position(|shadow| shadow.queue == Some((device, queue)));
    let index = found.or_else(|| shadows.iter().position(|shadow| shadow.queue.is_none()));
    let lengths = format.lengths(size);
    let starts = [ring.descriptors.0, ring.driver.0, ring.device.0];
    // The parts of the shadow have the same distances.
    let offsets = starts.map(|start| start.wrapping_sub(ring.descriptors.0));
    let is_inside = |(offset, len): (u64, usize)| offset.checked_add(len as u64).is_some_and(|end| end <= BYTES as u64);
    let fits = offsets.into_iter().zip(lengths).all(is_inside);
    let Some((index, memory)) = index.filter(|_| fits).and_then(|index| Some((index, MEMORY.get(index)?))) else {
        warn!(
            "virtio {device} queue {queue} is not logged: a ring of {size} descriptors does not fit into the memory for logs"
        );
        return None;
    };
    let memory = memory.0.get().expose_provenance() as u64;
    // SAFETY: the memory is static, at its physical address, and accessed only here and by the shadow, which is locked. The device of an
    // earlier ring there has been reset.
    let all = unsafe { Area::new(memory, BYTES) };
    all.zero();
    let own = [0, 1, 2].map(|part| all.part(offsets[part], lengths[part]));
    // SAFETY: by the caller's promise. The driver accesses its ring in the same thread, because the kernel has one CPU and interrupt handlers
    // do not access rings.
    let driver = [0, 1, 2].map(|part| unsafe { Area::new(starts[part], lengths[part]) });
    let shadow = &mut shadows[index];
    shadow.queue = Some((device, queue));
    // SAFETY: by the caller's promise.
    if !unsafe { shadow.ring.start(format, size, driver, own) } {
        warn!("virtio {device} queue {queue} is not logged: {size} descriptors are too many");
        return None;
    }
    let [descriptors, driver, device] = offsets.map(|offset| DeviceAddress(memory + offset));
    Some(RingAddresses { descriptors, driver, device })
}

/// Stops logging a queue, before it is reset.
pub(super) fn stop(device: DeviceId, queue: u16) {
    stop_if(|used| used == (device, queue));
}

/// Stops logging all queues of a device, before the driver may free its rings.
pub(super) fn stop_all(device: DeviceId) {
    stop_if(|used| used.0 == device);
}

/// Stops logging queues. Logs the buffers that their devices have not used.
fn stop_if(is_meant: impl Fn((DeviceId, u16)) -> bool) {
    for Shadow { queue, ring } in SHADOWS.lock().iter_mut() {
        if let Some((device, queue)) = queue.filter(|used| is_meant(*used)) {
            ring.stop(|buffer| info!("not used: virtio {device} queue {queue}: {buffer}"));
        }
    }
}

/// Gives the device the buffers that the driver has made available in a queue.
pub(super) fn send(device: DeviceId, queue: u16) {
    let mut shadows = SHADOWS.lock();
    if let Some(shadow) = shadows.iter_mut().find(|shadow| shadow.queue == Some((device, queue))) {
        shadow.ring.send();
    }
    // Orders the buffers before the notification.
    fence(Ordering::SeqCst);
}

/// Logs the buffers that the devices have used, and gives them back to their drivers. Returns whether there are any.
pub(super) fn receive() -> bool {
    let mut has_received = false;
    for Shadow { queue, ring } in SHADOWS.lock().iter_mut() {
        if let Some((device, queue)) = *queue {
            has_received |= ring.receive(|buffer| info!("virtio {device} queue {queue}: {buffer}"));
        }
    }
    has_received
}
