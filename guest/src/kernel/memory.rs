//! The kernel's memory: one [`Frames`] for everybody.

use core::ptr;

use aerostat_guest::{BitAlloc16M, FRAME_BYTES, Frames, MemoryMap};
use log::warn;
use spin::Mutex;

use super::arch;

/// Every free frame of the machine. Physical addresses are virtual addresses for all of them. Interrupt handlers
/// keep away.
pub(crate) static FRAMES: Mutex<Frames<BitAlloc16M>> = Mutex::new(Frames::new());

const MAX_MEMORY: u64 = Frames::<BitAlloc16M>::MAX_MEMORY;

/// Hands all usable memory to [`FRAMES`].
pub(crate) fn start(map: &MemoryMap) {
    if map.end() > MAX_MEMORY {
        warn!("memory above {} GiB is not used", MAX_MEMORY >> 30);
    }
    // What is mapped already comes first, because the tables that map the rest are taken from it.
    let mut frames = FRAMES.lock();
    let boot = |address: u64| address.min(arch::BOOT_MAPPED);
    map.usable().for_each(|memory| frames.add(boot(memory.start)..boot(memory.end)));
    drop(frames);
    arch::map(arch::BOOT_MAPPED..map.end().min(MAX_MEMORY));
    let mut frames = FRAMES.lock();
    let rest = |address: u64| address.max(arch::BOOT_MAPPED);
    map.usable().for_each(|memory| frames.add(rest(memory.start)..rest(memory.end)));
}

/// Writes to every free frame, so that the host has to back all of them.
pub(crate) fn touch() {
    for run in FRAMES.lock().free_runs() {
        for frame in run {
            let address: *mut u64 = ptr::with_exposed_provenance_mut((frame * FRAME_BYTES) as usize);
            // Not zero, and different in each frame: a host may merge frames that are alike.
            // SAFETY: the frame is memory, mapped at its physical address, aligned, and nobody's while it is free and
            // `FRAMES` is locked.
            unsafe { address.write_volatile(frame) };
        }
    }
}

/// All memory and free memory, in MiB.
pub(crate) fn mebibytes() -> (u64, u64) {
    let mebibytes = |frames: u64| (frames * FRAME_BYTES) >> 20;
    let frames = FRAMES.lock();
    (mebibytes(frames.total()), mebibytes(frames.available()))
}
