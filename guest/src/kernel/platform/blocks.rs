//! Blocks of free memory, for the host to drop (reporting) or to skip in a migration (hinting).

use core::ops::Range;

use aerostat_balloon::{FrameRun, HintFrames, ReportFrames, Size4KiB};
use aerostat_guest::Optional;

use super::Platform;
use crate::kernel::memory::{FRAMES, RESERVE};

impl ReportFrames for Platform {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        take(frames, Optional::Unreported)
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        FRAMES.lock().put_reported(frames(&run));
    }
}

impl HintFrames for Platform {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        take(frames, Optional::Free)
    }
}

/// Takes a block out of the allocator, but leaves the kernel's reserve there.
fn take(frames: u32, wanted: Optional) -> Option<FrameRun<Size4KiB>> {
    let mut all = FRAMES.lock();
    all.available().checked_sub(RESERVE + u64::from(frames))?;
    let block = all.take_block(frames.into(), wanted)?;
    // SAFETY: the frames were free memory, and belong to nobody else until they come back.
    Some(unsafe { FrameRun::from_raw(block.start, frames) })
}

fn frames(run: &FrameRun<Size4KiB>) -> Range<u64> {
    run.first()..run.first() + u64::from(run.count())
}
