//! Physical memory: the frame allocator of the kernel, and the registers of devices.
//!
//! All physical memory is mapped at its physical address.

use core::ops::Range;
use core::ptr::{self, NonNull};

use aerostat_balloon::transport::MmioRegion;
use aerostat_guest::{BitAlloc16M, FRAME_BYTES, FrameAllocator, MemoryMap};
use log::warn;
use spin::{Mutex, Once};

/// Every free frame of the machine. Interrupt handlers do not lock it.
pub(crate) static FRAMES: Mutex<FrameAllocator<BitAlloc16M>> = Mutex::new(FrameAllocator::new());

/// Free frames that neither the balloon nor a program gets: 1 MiB.
pub(crate) const RESERVE: u64 = 256;

const MAX_MEMORY: u64 = FrameAllocator::<BitAlloc16M>::MAX_MEMORY;

/// The memory map of the loader.
static MAP: Once<MemoryMap> = Once::new();

/// Adds all usable memory to [`FRAMES`]. The boot code has mapped all addresses below `mapped`, in bytes; `map_more` maps
/// others at their physical addresses.
pub(crate) fn start(map: &MemoryMap, mapped: u64, map_more: impl FnOnce(Range<u64>) -> Option<()>) {
    MAP.call_once(|| map.clone());
    if map.end() > MAX_MEMORY {
        warn!("memory above {} GiB is not used", MAX_MEMORY >> 30);
    }
    // Page tables for the rest of memory are allocated from the part that is mapped already.
    add(map, |address| address.min(mapped));
    if map_more(mapped..map.end().min(MAX_MEMORY)).is_none() {
        warn!("memory above {} GiB is not used: failed to allocate its page tables", mapped >> 30);
        return;
    }
    add(map, |address| address.max(mapped));
}

/// Adds usable memory to [`FRAMES`], with both ends of each region limited by `limit`.
fn add(map: &MemoryMap, limit: impl Fn(u64) -> u64) {
    let mut frames = FRAMES.lock();
    map.usable().for_each(|memory| frames.add(limit(memory.start)..limit(memory.end)));
}

/// Returns the physical addresses of the kernel image, with its stack.
pub(crate) fn image() -> Range<u64> {
    unsafe extern "C" {
        // From the link script: the first byte of the image, and the first byte after it.
        static kernel_start: u8;
        static kernel_end: u8;
    }
    (&raw const kernel_start).addr() as u64..(&raw const kernel_end).addr() as u64
}

/// Maps registers of a device at their physical addresses by `map`. Returns `None` if `map` fails, or if there is RAM at
/// one of the addresses: a device may claim any address.
pub(crate) fn registers(addresses: Range<u64>, map: impl FnOnce(Range<u64>) -> Option<()>) -> Option<MmioRegion> {
    if MAP.get().is_some_and(|map| map.has_ram(&addresses)) {
        return None;
    }
    let bytes = addresses.end.checked_sub(addresses.start)?;
    let start = NonNull::with_exposed_provenance(usize::try_from(addresses.start).ok()?.try_into().ok()?);
    map(addresses)?;
    // SAFETY: the addresses are mapped forever and are not RAM, hence registers. One driver of this kernel uses them.
    Some(unsafe { MmioRegion::new(start, usize::try_from(bytes).ok()?) })
}

/// Allocates a run of 1 to `most` frames. Returns `None` if only the [`RESERVE`] is left.
pub(crate) fn allocate(most: u32) -> Option<Range<u64>> {
    let mut frames = FRAMES.lock();
    let spare = u32::try_from(frames.available().saturating_sub(RESERVE)).unwrap_or(u32::MAX);
    frames.allocate(most.min(spare))
}

/// Writes to every free frame, so that the host has to back it.
pub(crate) fn touch() {
    let mut frames = FRAMES.lock();
    for run in frames.free_runs() {
        // SAFETY: the frames are free, and stay free while `FRAMES` is locked.
        unsafe { write_to(run) };
    }
    frames.forget_reports();
}

/// Writes to each frame of a run, so that the host has to back it.
///
/// # Safety
///
/// The frames are free memory, or the caller owns them.
pub(crate) unsafe fn write_to(run: Range<u64>) {
    for frame in run {
        let address: *mut u64 = ptr::with_exposed_provenance_mut((frame * FRAME_BYTES) as usize);
        // The value differs from frame to frame: a host may merge frames with equal contents.
        // SAFETY: memory is mapped at its physical address, the address is aligned, and the caller may write to it.
        unsafe { address.write_volatile(frame) };
    }
}

/// Returns the size of all memory and of free memory, in MiB.
pub(crate) fn mebibytes() -> (u64, u64) {
    let mebibytes = |frames: u64| (frames * FRAME_BYTES) >> 20;
    let frames = FRAMES.lock();
    (mebibytes(frames.total()), mebibytes(frames.available()))
}
