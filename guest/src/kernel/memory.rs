//! The kernel's memory: one [`Frames`] for everybody.

use core::ops::Range;
use core::ptr;

use aerostat_guest::{BitAlloc16M, FRAME_BYTES, Frames, MemoryMap};
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

/// Whether any of these addresses is memory.
pub(crate) fn is_any(addresses: &Range<u64>) -> bool {
    MAP.get().is_some_and(|map| map.has_ram(addresses))
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
