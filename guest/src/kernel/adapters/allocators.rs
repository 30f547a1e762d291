//! Allocators that kernels have, each with some of this kernel's memory.

use alloc::vec::Vec;
use core::alloc::Layout;
use core::ops::Range;
use core::ptr::with_exposed_provenance_mut;

use aerostat_adapters::FrameFunctions;
use aerostat_guest::FRAME_BYTES;
use bitmap_allocator::{BitAlloc as _, BitAlloc64K};
use buddy_system_allocator::LockedHeap;
use spin::Mutex;

use crate::kernel::memory::FRAMES;

/// A heap of 48 MiB, which the balloon over the heap shares with the kernel.
#[global_allocator]
pub(super) static HEAP: LockedHeap<33> = LockedHeap::empty();
pub(super) static BITMAP: Mutex<BitAlloc64K> = Mutex::new(BitAlloc64K::DEFAULT);
pub(super) static BUDDY: Mutex<Buddy> = Mutex::new(Buddy::new());

pub(super) type Buddy = buddy_system_allocator::FrameAllocator<33>;

/// Frames of the bitmap and of the buddy allocator: 40 MiB.
const COUNT: u64 = 10 << 10;
const HEAP_BYTES: u64 = 48 << 20;

/// Gives the heap its memory.
pub(super) fn start() {
    let frames = take(HEAP_BYTES / FRAME_BYTES);
    // SAFETY: the frames were free, are mapped at their physical addresses, and stay the heap's.
    unsafe { HEAP.lock().init((frames.start * FRAME_BYTES) as usize, HEAP_BYTES as usize) };
}

/// Takes consecutive frames from the kernel.
fn take(count: u64) -> Range<u64> {
    allocate(count as u32).map(|first| first..first + count).expect("the test needs a guest with 256 MiB of memory")
}

/// Returns this kernel's functions for ranges of frames.
pub(super) fn functions() -> FrameFunctions {
    // SAFETY: the frames are ordinary memory without another owner until they are deallocated. The balloon gets no others.
    unsafe { FrameFunctions::new(allocate, deallocate, free) }
}

pub(super) fn allocate(count: u32) -> Option<u64> {
    let bytes = u64::from(count) * FRAME_BYTES;
    let layout = Layout::from_size_align(bytes as usize, FRAME_BYTES as usize).ok()?;
    FRAMES.lock().allocate_layout(layout).map(|run| run.start)
}

pub(super) fn deallocate(first: u64, count: u32) {
    FRAMES.lock().deallocate(first..first + u64::from(count));
}

/// Returns the number of frames that are free in the kernel.
pub(super) fn free() -> u64 {
    FRAMES.lock().available()
}

/// Moves frames to the bitmap. Returns the number of the first one, which has bit 0.
pub(super) fn fill_bitmap() -> u64 {
    BITMAP.lock().insert(0..COUNT as usize);
    take(COUNT).start
}

pub(super) fn free_bits() -> u64 {
    let bits = BITMAP.lock();
    (0..COUNT as usize).filter(|&bit| bits.test(bit)).count() as u64
}

/// Moves frames to the buddy allocator.
pub(super) fn fill_buddy() {
    let Range { start, end } = take(COUNT);
    BUDDY.lock().add_frame(start as usize, end as usize);
}

/// Counts the free frames: takes and returns all of them, because the allocator does not say. The kernel can write to each.
pub(super) fn free_in_buddy() -> u64 {
    let mut buddy = BUDDY.lock();
    let frames: Vec<usize> = core::iter::from_fn(|| buddy.alloc(1)).collect();
    for &frame in &frames {
        let start: *mut usize = with_exposed_provenance_mut(frame * FRAME_BYTES as usize);
        // SAFETY: the frame was allocated above, and is mapped at its physical address.
        unsafe { start.write_volatile(frame) };
        buddy.dealloc(frame, 1);
    }
    frames.len() as u64
}

/// Returns the number of free frames of the heap, if its free memory is in one piece.
pub(super) fn heap_frames() -> u64 {
    heap_memory() / FRAME_BYTES
}

/// Returns the bytes that are free in the heap.
pub(super) fn heap_memory() -> u64 {
    let heap = HEAP.lock();
    (heap.stats_total_bytes() - heap.stats_alloc_actual()) as u64
}
