//! Memory statistics for the host.

use core::sync::atomic::{AtomicU64, Ordering};

use aerostat_balloon::platform::{Sample, StatTag, Statistics};
use aerostat_guest::FRAME_BYTES;
use spin::Once;

use super::Platform;
use crate::kernel::memory::{FRAMES, RESERVE};

/// Allocations that had to wait for memory from the balloon.
static STALLS: AtomicU64 = AtomicU64::new(0);

/// A function that is called with each sample, see [`set_observer`].
static OBSERVER: Once<fn(&Sample)> = Once::new();

/// Counts an allocation that has to wait for memory from the balloon.
pub(crate) fn count_stall() {
    STALLS.fetch_add(1, Ordering::Relaxed);
}

/// Makes the kernel call `observer` with each sample that it sends to the host, for instance to log it. Only the first call
/// has an effect.
pub(crate) fn set_observer(observer: fn(&Sample)) {
    OBSERVER.call_once(|| observer);
}

impl Statistics for Platform {
    fn sample(&mut self, sample: &mut Sample) {
        let frames = FRAMES.lock();
        let (free, total) = (frames.available(), frames.total());
        drop(frames);
        sample
            .set(StatTag::FreeMemory, free * FRAME_BYTES)
            .set(StatTag::TotalMemory, total * FRAME_BYTES)
            .set(StatTag::AvailableMemory, free.saturating_sub(RESERVE) * FRAME_BYTES)
            // A page fault ends this kernel.
            .set(StatTag::MajorFaults, 0)
            .set(StatTag::MinorFaults, 0)
            .set(StatTag::AllocStalls, STALLS.load(Ordering::Relaxed));
        if let Some(observer) = OBSERVER.get() {
            observer(sample);
        }
    }
}
