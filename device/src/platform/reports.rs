//! Free runs for reports and hints.

use aerostat_balloon::{FillFrames, FrameRun, FrameSize, HintFrames, ReportFrames};

use super::frames::Owner;
use super::ledger::{Ledger, lock, pages_of};
use super::{Reuse, TestPlatform};

/// What the test asks and wants of reports.
impl Ledger {
    /// How many free frames the host does not know of.
    pub fn unreported_frames(&self) -> usize {
        let book = lock(&self.frames);
        book.owned_by(Owner::Free).filter(|frame| !book.is_reported(*frame)).count()
    }

    /// How many free frames the host knows of: they were reported, and nobody has had them since.
    pub fn reported_frames(&self) -> usize {
        let book = lock(&self.frames);
        book.owned_by(Owner::Free).filter(|frame| book.is_reported(*frame)).count()
    }

    fn allocate_unreported(&self, least: u32, most: u32) -> Option<(u64, u32)> {
        let mut book = lock(&self.frames);
        let given = book.allocate_unreported(least, most);
        let pages = book.pages_per_frame;
        drop(book);
        self.hand_out(given, pages)
    }
}

impl<S: FrameSize> TestPlatform<S> {
    /// Lends a run of free frames that the host does not know of, for a report or a hint: at least `least` frames, at
    /// most `most`, from a multiple of `least` on. It comes back through [`TestPlatform::deallocate_reported`] or
    /// [`take_back`](aerostat_balloon::Frames::deallocate).
    pub fn lend_free_run(&mut self, least: u32, most: u32) -> Option<FrameRun<S>> {
        let (first, count) = self.ledger.allocate_unreported(least, most)?;
        // SAFETY: as for `allocate`: the book has just marked frames as lent that were free, and touches them again only after
        // they came back.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    /// Takes frames back whose report the host has acknowledged: they are not lent for a report again before they were
    /// used for something.
    pub fn deallocate_reported(&mut self, run: FrameRun<S>) {
        let (first, count) = (run.first(), run.count());
        // The kernel does not touch what the host has just dropped.
        self.ledger.take_back_as(first, count, Reuse::Later);
        let mut book = lock(&self.ledger.frames);
        for frame in first..first.saturating_add(count.into()) {
            book.mark_reported(frame);
        }
    }

    /// Writes `value` to every 32 bits of frames that the driver has, as a kernel that poisons free memory.
    pub fn fill(&mut self, run: &FrameRun<S>, value: u32) {
        for frame in run.first()..run.first().saturating_add(run.count().into()) {
            self.ledger.memory.fill_with(pages_of(frame, S::PAGES), value);
        }
    }
}

impl<S: FrameSize> ReportFrames for TestPlatform<S> {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.lend_free_run(frames, frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<S>) {
        TestPlatform::deallocate_reported(self, run);
    }
}

impl<S: FrameSize> HintFrames for TestPlatform<S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.lend_free_run(frames, frames)
    }
}

impl<S: FrameSize> FillFrames for TestPlatform<S> {
    fn fill(&mut self, run: &FrameRun<S>, value: u32) {
        TestPlatform::fill(self, run, value);
    }
}
