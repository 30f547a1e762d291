//! rust-vmm's `virtio-queue` as the device's side of a split queue.

use virtio_queue::{Queue, QueueT};
use vm_memory::GuestAddress;

/// The device's side of a queue whose parts are at these addresses.
pub(crate) fn peer(size: u16, ring: [u64; 3]) -> Queue {
    let mut queue = Queue::new(32768).unwrap();
    queue.try_set_size(size).unwrap();
    queue.try_set_desc_table_address(GuestAddress(ring[0])).unwrap();
    queue.try_set_avail_ring_address(GuestAddress(ring[1])).unwrap();
    queue.try_set_used_ring_address(GuestAddress(ring[2])).unwrap();
    queue.set_ready(true);
    queue
}
