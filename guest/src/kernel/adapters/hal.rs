//! What a kernel with drivers of the crate `virtio-drivers` has.

use core::ptr::{NonNull, with_exposed_provenance_mut};

use aerostat_guest::FRAME_BYTES;
use virtio_drivers::{BufferDirection, Hal};

use super::allocators::{allocate, deallocate};

pub(super) struct KernelHal;

// SAFETY: the frames are ordinary memory without another owner, mapped at their physical addresses. They are cleared, as the crate
// requires.
unsafe impl Hal for KernelHal {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (u64, NonNull<u8>) {
        let address = allocate(pages as u32).expect("the kernel is out of memory") * FRAME_BYTES;
        let start = NonNull::new(with_exposed_provenance_mut(address as usize)).expect("frame 0 is never free");
        // SAFETY: the memory was just allocated.
        unsafe { start.write_bytes(0, pages * FRAME_BYTES as usize) };
        (address, start)
    }

    unsafe fn dma_dealloc(physical: u64, _: NonNull<u8>, pages: usize) -> i32 {
        deallocate(physical / FRAME_BYTES, pages as u32);
        0
    }

    unsafe fn mmio_phys_to_virt(_: u64, _: usize) -> NonNull<u8> {
        unreachable!("the balloon's registers are mapped by this kernel")
    }

    unsafe fn share(_: NonNull<[u8]>, _: BufferDirection) -> u64 {
        unreachable!("the balloon shares only memory of `dma_alloc`")
    }

    unsafe fn unshare(_: u64, _: NonNull<[u8]>, _: BufferDirection) {}
}
