//! Memory statistics for the host.

use core::fmt::{self, Display, Formatter};
use core::sync::atomic::{AtomicU64, Ordering};

use aerostat_balloon::{Sample, StatTag, Statistics};
use aerostat_guest::FRAME_BYTES;

use super::Platform;
use crate::kernel::console;
use crate::kernel::memory::{FRAMES, RESERVE};

/// The statistics that the kernel reports, with their names on the console. A page fault ends this kernel, so that both counts of faults
/// are always 0.
const TAGS: [(&str, StatTag); 6] = [
    ("free", StatTag::FreeMemory),
    ("total", StatTag::TotalMemory),
    ("available", StatTag::AvailableMemory),
    ("major_faults", StatTag::MajorFaults),
    ("minor_faults", StatTag::MinorFaults),
    ("alloc_stalls", StatTag::AllocStalls),
];

/// Allocations that had to wait for memory from the balloon.
static STALLS: AtomicU64 = AtomicU64::new(0);

/// Counts an allocation that has to wait for memory from the balloon.
pub(crate) fn count_stall() {
    STALLS.fetch_add(1, Ordering::Relaxed);
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
            .set(StatTag::MajorFaults, 0)
            .set(StatTag::MinorFaults, 0)
            .set(StatTag::AllocStalls, STALLS.load(Ordering::Relaxed));
        console::print(format_args!("stats:{}\n", Line(sample)));
    }
}

/// Prints the values of a sample, with a space before each.
struct Line<'a>(&'a Sample);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut known = TAGS.into_iter().filter_map(|(name, tag)| Some((name, self.0.get(tag)?)));
        known.try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}
