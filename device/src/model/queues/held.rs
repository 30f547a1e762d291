//! Pages of completed reports that a driver with block inflation keeps in the balloon.

use std::ops::Range;

use super::super::state::{Report, ReportMemory, State};
use crate::violation::FreePageViolation;

impl State {
    /// Records the pages of a completed report, if the driver may hold them.
    pub(crate) fn hold(&mut self, report: &Report) {
        if self.options.block_inflation {
            for page in report.free.iter().cloned().flatten() {
                self.held.pages.insert(page);
                if report.memory == ReportMemory::Discarded {
                    self.held.discarded.insert(page);
                }
            }
        }
    }

    /// Records that held pages go back to the kernel, and checks that they were not touched before.
    pub(crate) fn release_held(&mut self, pages: Range<u64>) {
        for page in pages.filter(|_| self.options.block_inflation).collect::<Vec<_>>() {
            if self.held.discarded.contains(page) && self.memory.is_resident(page) {
                self.violation(FreePageViolation::TouchedWhileHeld { page });
            }
            self.held.remove(page);
        }
    }
}
