//! Free page reporting (5.5.6.7).

use super::super::options::Work;
use super::super::state::{NewBuffer, Report, ReportMemory, State};
use crate::event::Event;
use crate::violation::FreePageViolation;

impl State {
    /// Takes a report, and discards the memory of its pages. The driver may not use the pages before the report is
    /// completed.
    pub(crate) fn take_report(&mut self, buffer: NewBuffer<'_>) -> Report {
        let NewBuffer { queue, head, elements, .. } = buffer;
        if buffer.has_readable() {
            self.violation(FreePageViolation::ReadableReport { queue, head });
        }
        let ranges = self.read_ranges(queue, elements);
        let free = self.check_free(queue, &ranges, |state, page| state.reported.insert(page));
        let unpoisoned = self.unpoisoned(&free);
        for &page in &unpoisoned {
            self.violation(FreePageViolation::NotPoisoned { page });
        }
        // A discarded page reads as zero.
        let keeps = self.poison().is_some_and(|value| value != 0);
        if !keeps {
            self.discard(&free);
        }
        let memory = match self.options.work {
            // The device overwrites the pages itself.
            _ if buffer.is_scribbled() => ReportMemory::Unchecked,
            Work::Full if keeps => ReportMemory::Kept,
            Work::Full => ReportMemory::Discarded,
            _ => ReportMemory::Unchecked,
        };
        Report { ranges, free, unpoisoned, memory }
    }

    /// Checks that the driver did not touch the pages of a report that is about to be completed.
    pub(crate) fn finish_report(&mut self, report: &Report) {
        let touched: Vec<u64> = match report.memory {
            ReportMemory::Unchecked => Vec::new(),
            ReportMemory::Discarded => {
                let pages = report.free.iter().cloned().flatten();
                pages.filter(|page| self.memory.is_resident(*page)).collect()
            }
            ReportMemory::Kept => {
                let mut now = self.unpoisoned(&report.free);
                now.retain(|page| !report.unpoisoned.contains(page));
                now
            }
        };
        for page in touched {
            self.violation(FreePageViolation::TouchedWhileReported { page });
        }
        self.release_report(report);
        self.hold(report);
        self.log(Event::Reported { runs: report.ranges.clone() });
    }

    /// Returns the pages of a report to the driver.
    pub(crate) fn release_report(&mut self, report: &Report) {
        for page in report.free.iter().cloned().flatten() {
            self.reported.remove(page);
        }
    }
}
