//! rust-vmm's `virtio-queue` as the device side of a split queue.

use virtio_queue::{Queue, QueueT};
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion};

use crate::{LEN, Memory, START};

/// Guest memory, as the peer accesses it.
pub fn guest(memory: &Memory) -> GuestMemoryMmap {
    // SAFETY: the memory is valid for its whole length, for reads and writes, until the process ends.
    let mapping = unsafe { MmapRegion::build_raw(memory.at(START, LEN).as_ptr(), LEN, 0, 0) }.unwrap();
    let region = GuestRegionMmap::new(mapping, GuestAddress(START)).unwrap();
    GuestMemoryMmap::from_regions(vec![region]).unwrap()
}

/// The device side of a queue whose descriptor table, available ring and used ring are at these addresses.
pub fn peer(size: u16, ring: [u64; 3]) -> Queue {
    let mut queue = Queue::new(32768).unwrap();
    queue.try_set_size(size).unwrap();
    queue.try_set_desc_table_address(GuestAddress(ring[0])).unwrap();
    queue.try_set_avail_ring_address(GuestAddress(ring[1])).unwrap();
    queue.try_set_used_ring_address(GuestAddress(ring[2])).unwrap();
    queue.set_ready(true);
    queue
}
