//! Blocks of free memory for free page reporting, block inflation and free page hinting.

use core::ops::Range;

use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames};
use aerostat_balloon::{FrameRun, Size4KiB};
use aerostat_guest::BlockFilter;

use super::Platform;
use crate::kernel::memory::{FRAMES, RESERVE};

impl ReportFrames for Platform {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        allocate(frames, frames, BlockFilter::Unreported)
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        FRAMES.lock().deallocate_reported(range(&run));
    }
}

impl BlockFrames for Platform {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<Size4KiB>> {
        allocate(frames, max, BlockFilter::Any)
    }
}

impl HintFrames for Platform {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        allocate(frames, frames, BlockFilter::Any)
    }

    fn initialize(&mut self, run: &FrameRun<Size4KiB>) {
        self.fill(run, 0);
    }
}

/// Allocates a run of blocks of `frames` frames each, up to `max` frames in total, but not from the kernel's reserve.
fn allocate(frames: u32, max: u32, filter: BlockFilter) -> Option<FrameRun<Size4KiB>> {
    let mut all = FRAMES.lock();
    let spare = all.available().saturating_sub(RESERVE);
    if spare < frames.into() {
        return None;
    }
    let run = all.allocate_blocks(frames.into(), spare.min(max.into()), filter)?;
    // At most `max` frames.
    let count = (run.end - run.start) as u32;
    // SAFETY: the frames were free memory, and the allocator does not return them again until they are deallocated.
    Some(unsafe { FrameRun::from_raw(run.start, count) })
}

fn range(run: &FrameRun<Size4KiB>) -> Range<u64> {
    run.first()..run.first() + u64::from(run.count())
}
