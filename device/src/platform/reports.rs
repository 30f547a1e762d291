//! Free frames for reports, hints and block inflation.

use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames};
use aerostat_balloon::{FrameRun, FrameSize};

use super::TestPlatform;
use super::frames::{Owner, Reuse};
use super::ledger::{Ledger, lock, pages_of};

/// Calls of the test.
impl Ledger {
    /// Returns how many free frames are not reported.
    pub fn unreported_frames(&self) -> usize {
        let frames = lock(&self.frames);
        frames.owned_by(Owner::Free).filter(|frame| !frames.is_reported(*frame)).count()
    }

    /// Returns how many free frames were reported and not used since.
    pub fn reported_frames(&self) -> usize {
        let frames = lock(&self.frames);
        frames.owned_by(Owner::Free).filter(|frame| frames.is_reported(*frame)).count()
    }

    fn allocate_unreported(&self, min: u32, max: u32) -> Option<(u64, u32)> {
        self.allocate_with(|frames| frames.allocate_unreported(min, max))
    }
}

impl<S: FrameSize> TestPlatform<S> {
    /// Allocates a run of `min` to `max` frames that are not reported, for a report or a hint. The first frame is a multiple
    /// of `min`. Return the run by [`TestPlatform::deallocate_reported`] or
    /// [`deallocate`](aerostat_balloon::Frames::deallocate).
    pub fn allocate_free_run(&mut self, min: u32, max: u32) -> Option<FrameRun<S>> {
        let (first, count) = self.ledger.allocate_unreported(min, max)?;
        // SAFETY: as in `allocate`: the frames were free, now belong to the driver, and the platform does not touch them
        // before the driver returns them.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    /// Returns frames whose report the device has completed. They are not allocated for a report again before the kernel has
    /// used them.
    pub fn deallocate_reported(&mut self, run: FrameRun<S>) {
        let (first, count) = (run.first(), run.count());
        // A write would make the pages resident again, which the host has just discarded.
        self.ledger.deallocate_as(first, count, Reuse::Later);
        let mut frames = lock(&self.ledger.frames);
        for frame in first..first.saturating_add(count.into()) {
            frames.mark_reported(frame);
        }
    }

    /// Writes `value` to every 32-bit word of frames of the driver, as a kernel that poisons free memory.
    pub fn fill(&mut self, run: &FrameRun<S>, value: u32) {
        for frame in run.first()..run.first().saturating_add(run.count().into()) {
            self.ledger.memory.fill_with(pages_of(frame, S::PAGES), value);
        }
    }
}

impl<S: FrameSize> ReportFrames for TestPlatform<S> {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.allocate_free_run(frames, frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<S>) {
        TestPlatform::deallocate_reported(self, run);
    }
}

impl<S: FrameSize> BlockFrames for TestPlatform<S> {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<S>> {
        let (first, count) = self.ledger.allocate_with(|all| all.allocate_blocks(frames, max))?;
        // SAFETY: as in `allocate`: the frames were free, now belong to the driver, and the platform does not touch them
        // before the driver returns them.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }
}

impl<S: FrameSize> HintFrames for TestPlatform<S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.allocate_free_run(frames, frames)
    }

    fn initialize(&mut self, run: &FrameRun<S>) {
        TestPlatform::fill(self, run, 0);
    }
}

impl<S: FrameSize> FillFrames for TestPlatform<S> {
    fn fill(&mut self, run: &FrameRun<S>, value: u32) {
        TestPlatform::fill(self, run, value);
    }
}
