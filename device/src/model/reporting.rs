//! Free page reporting: section 5.5.6.7.

use std::ops::Range;

use super::ring::Element;
use super::{State, Work};
use crate::log::Event;
use crate::misbehave::{QueueFault, Scribble};
use crate::violation::FreePageViolation;

/// A report in flight.
#[derive(Debug)]
pub(super) struct Report {
    /// What the driver named.
    ranges: Vec<Range<u64>>,
    /// The part of it that can be free.
    runs: Vec<Range<u64>>,
    /// The pages of that part which lacked the poison value.
    unpoisoned: Vec<u64>,
    memory: Reported,
}

/// What has become of the memory behind a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    /// It is the host's.
    Dropped,
    /// It stays, because the guest relies on its contents.
    Kept,
    /// Nobody looks.
    Unknown,
}

impl State {
    /// Takes the memory of a report away from the guest. The driver may not use it before the report comes back.
    pub(super) fn take_report(&mut self, queue: u16, head: u16, elements: &[Element], faults: &[QueueFault]) -> Report {
        if elements.iter().any(|element| !element.writable) {
            self.violation(FreePageViolation::ReadableReport { queue, head });
        }
        let ranges = self.free_ranges(queue, elements);
        let runs = self.really_free(queue, &ranges, |state, page| state.reported.insert(page));
        let unpoisoned = self.unpoisoned(&runs);
        for &page in &unpoisoned {
            self.violation(FreePageViolation::NotPoisoned { page });
        }
        // A page that is dropped reads as zero when it comes back.
        let keeps = self.poison().is_some_and(|value| value != 0);
        if !keeps {
            self.drop_pages(&runs);
        }
        let memory = match self.options.work {
            // What the device overwrites itself says nothing about the driver.
            _ if faults.contains(&QueueFault::Scribbles(Scribble::Array)) => Reported::Unknown,
            Work::Full if keeps => Reported::Kept,
            Work::Full => Reported::Dropped,
            _ => Reported::Unknown,
        };
        Report { ranges, runs, unpoisoned, memory }
    }

    /// Looks at the memory once more before the report goes back.
    pub(super) fn finish_report(&mut self, report: &Report) {
        let touched: Vec<u64> = match report.memory {
            Reported::Unknown => Vec::new(),
            Reported::Dropped => {
                let pages = report.runs.iter().cloned().flatten();
                pages.filter(|page| self.memory.is_resident(*page)).collect()
            }
            Reported::Kept => {
                let mut now = self.unpoisoned(&report.runs);
                now.retain(|page| !report.unpoisoned.contains(page));
                now
            }
        };
        for page in touched {
            self.violation(FreePageViolation::TouchedWhileReported { page });
        }
        self.forget_report(report);
        self.log(Event::Reported { runs: report.ranges.clone() });
    }

    /// The pages of the report are the driver's again.
    pub(super) fn forget_report(&mut self, report: &Report) {
        for page in report.runs.iter().cloned().flatten() {
            self.reported.remove(page);
        }
    }
}
