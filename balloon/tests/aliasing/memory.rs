//! DMA memory: a device knows only addresses.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<X>(mutex: &Mutex<X>) -> MutexGuard<'_, X> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory that a kernel has allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory<T: ?Sized>(pub(crate) NonNull<T>);

// SAFETY: the memory belongs to no thread. Who uses the pointer proves that the memory exists.
unsafe impl<T: ?Sized> Send for Memory<T> {}

/// The DMA memory of all kernels by its address, because a device knows only addresses. Miri's strict provenance requires the
/// pointer of the allocation to access it.
pub(crate) static DMA: Mutex<BTreeMap<u64, (Memory<u8>, Layout)>> = Mutex::new(BTreeMap::new());

/// Returns a pointer to two bytes of DMA memory.
fn pointer(address: u64) -> *mut u16 {
    let regions = lock(&DMA);
    let (start, (Memory(memory), layout)) = regions.range(..=address).next_back().expect("an address of DMA memory");
    let offset = (address - start) as usize;
    assert!(offset + size_of::<u16>() <= layout.size(), "the address {address:#x} is outside DMA memory");
    memory.as_ptr().wrapping_add(offset).cast()
}

pub(crate) fn read16(address: u64) -> u16 {
    // SAFETY: the address is in DMA memory of the driver, which is valid until the reset. The driver does not use the queue in
    // another thread meanwhile.
    unsafe { pointer(address).read_volatile() }
}

pub(crate) fn write16(address: u64, value: u16) {
    // SAFETY: as above.
    unsafe { pointer(address).write_volatile(value) };
}
