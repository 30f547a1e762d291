//! Filling memory that comes back from the host, for page poisoning.

use core::{ptr, slice};

use aerostat_balloon::platform::FillFrames;
use aerostat_balloon::{FrameRun, Size4KiB};
use aerostat_guest::FRAME_BYTES;

use super::Platform;

impl FillFrames for Platform {
    fn fill(&mut self, run: &FrameRun<Size4KiB>, value: u32) {
        let start: *mut u32 = ptr::with_exposed_provenance_mut(run.address() as usize);
        let words = u64::from(run.count()) * FRAME_BYTES / size_of::<u32>() as u64;
        // SAFETY: the frames are RAM, mapped at their physical address and aligned. The owner of the run is the only user
        // of the frames. Any bit pattern is a valid value.
        unsafe { slice::from_raw_parts_mut(start, words as usize) }.fill(value.to_le());
    }
}
