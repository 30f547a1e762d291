//! The allocator of page frames of the example kernels: a list of free ranges behind a lock.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aerostat_device::GuestMemory;

struct Free {
    /// The first frame of each free range, and the one behind it.
    ranges: BTreeMap<u64, u64>,
    direct_map: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { ranges: BTreeMap::new(), direct_map: 0 });

fn free_list() -> std::sync::MutexGuard<'static, Free> {
    FREE.lock().expect("no thread has panicked")
}

/// Adds the memory of the machine, except the first MiB.
///
/// # Panics
///
/// If the machine has no memory.
pub fn add(memory: &GuestMemory) {
    let start = memory.pointer(0, 1).expect("the machine has memory");
    let mut free = free_list();
    free.direct_map = start.as_ptr().expose_provenance();
    free.ranges.insert(256, memory.bytes() / 4096);
}

/// Returns the virtual address of physical address 0.
pub fn direct_map() -> usize {
    free_list().direct_map
}

/// Returns the number of free frames.
pub fn free() -> u64 {
    free_list().ranges.iter().map(|(first, end)| end - first).sum()
}

/// Allocates `count` consecutive frames. Returns the number of the first one.
pub fn allocate(count: u32) -> Option<u64> {
    let mut free = free_list();
    let count = u64::from(count);
    let (&first, &end) = free.ranges.iter().find(|(first, end)| *end - *first >= count)?;
    free.ranges.remove(&first);
    if first + count < end {
        free.ranges.insert(first + count, end);
    }
    Some(first)
}

/// Frees frames, in any order and in any parts.
pub fn deallocate(first: u64, count: u32) {
    let mut free = free_list();
    let (mut first, mut end) = (first, first + u64::from(count));
    if let Some((&before, _)) = free.ranges.range(..first).next_back().filter(|(_, before)| **before == first) {
        free.ranges.remove(&before);
        first = before;
    }
    if let Some(behind) = free.ranges.remove(&end) {
        end = behind;
    }
    free.ranges.insert(first, end);
}
