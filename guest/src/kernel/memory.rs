//! The kernel's memory: one [`Frames`] for everybody.

use core::ops::Range;
use core::ptr::{self, NonNull};

use aerostat_guest::{BitAlloc16M, FRAME_BYTES, Frames, MemoryMap};
use aerostat_transport::MmioRegion;
use log::warn;
use spin::{Mutex, Once};

use super::arch;

/// Every free frame of the machine. Physical addresses are virtual addresses for all of them. Interrupt handlers
/// keep away.
pub(crate) static FRAMES: Mutex<Frames<BitAlloc16M>> = Mutex::new(Frames::new());

/// Frames that the kernel keeps for itself, whatever the host or a program wants: 1 MiB.
pub(crate) const RESERVE: u64 = 256;

const MAX_MEMORY: u64 = Frames::<BitAlloc16M>::MAX_MEMORY;

/// What the loader says of memory.
static MAP: Once<MemoryMap> = Once::new();

/// Hands all usable memory to [`FRAMES`].
pub(crate) fn start(map: &MemoryMap) {
    MAP.call_once(|| map.clone());
    if map.end() > MAX_MEMORY {
        warn!("memory above {} GiB is not used", MAX_MEMORY >> 30);
    }
    // What is mapped already comes first, because the tables that map the rest are taken from it.
    let boot = |address: u64| address.min(arch::BOOT_MAPPED);
    add(map, boot);
    if arch::map(arch::BOOT_MAPPED..map.end().min(MAX_MEMORY)).is_none() {
        warn!("memory above {} GiB is not used: there is none for its page tables", arch::BOOT_MAPPED >> 30);
        return;
    }
    let rest = |address: u64| address.max(arch::BOOT_MAPPED);
    add(map, rest);
}

/// Adds usable memory, each end of which is cut by `cut`.
fn add(map: &MemoryMap, cut: impl Fn(u64) -> u64) {
    let mut frames = FRAMES.lock();
    map.usable().for_each(|memory| frames.add(cut(memory.start)..cut(memory.end)));
}

/// The kernel itself, with its stack.
pub(crate) fn image() -> Range<u64> {
    unsafe extern "C" {
        // From the link script: the first byte of the image, and the first one after it.
        static kernel_start: u8;
        static kernel_end: u8;
    }
    (&raw const kernel_start).addr() as u64..(&raw const kernel_end).addr() as u64
}

/// Registers at physical addresses, mapped. `None` where memory is, whatever anybody says, and where they cannot be
/// mapped.
pub(crate) fn registers(addresses: Range<u64>) -> Option<MmioRegion> {
    if MAP.get().is_some_and(|map| map.has_ram(&addresses)) {
        return None;
    }
    let bytes = addresses.end.checked_sub(addresses.start)?;
    let start = NonNull::with_exposed_provenance(usize::try_from(addresses.start).ok()?.try_into().ok()?);
    arch::map_registers(addresses)?;
    // SAFETY: mapped from here on, no memory, and registers of a device, which this kernel has one driver for.
    Some(unsafe { MmioRegion::new(start, usize::try_from(bytes).ok()?) })
}

/// Takes a run of at most `most` free frames. `None` when there are none but the [`RESERVE`].
pub(crate) fn take(most: u32) -> Option<Range<u64>> {
    let mut frames = FRAMES.lock();
    let spare = u32::try_from(frames.available().saturating_sub(RESERVE)).unwrap_or(u32::MAX);
    frames.take(most.min(spare))
}

/// Writes to every free frame, so that the host has to back all of them.
pub(crate) fn touch() {
    let mut frames = FRAMES.lock();
    for run in frames.free_runs() {
        // SAFETY: the frames are nobody's while they are free and `FRAMES` is locked.
        unsafe { write_to(run) };
    }
    frames.forget_reports();
}

/// Writes to each frame of a run, so that the host has to back it.
///
/// # Safety
///
/// The frames are free memory, or the caller's to write to.
pub(crate) unsafe fn write_to(run: Range<u64>) {
    for frame in run {
        let address: *mut u64 = ptr::with_exposed_provenance_mut((frame * FRAME_BYTES) as usize);
        // Not zero, and different in each frame: a host may merge frames that are alike.
        // SAFETY: memory is mapped at its physical address, aligned, and the caller may write to it.
        unsafe { address.write_volatile(frame) };
    }
}

/// All memory and free memory, in MiB.
pub(crate) fn mebibytes() -> (u64, u64) {
    let mebibytes = |frames: u64| (frames * FRAME_BYTES) >> 20;
    let frames = FRAMES.lock();
    (mebibytes(frames.total()), mebibytes(frames.available()))
}
