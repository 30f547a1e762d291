//! Printing the statistics that the kernel sends to the host, for tests that compare them with those that the host has.

use core::fmt::{self, Display, Formatter};

use aerostat_balloon::platform::{Sample, StatTag};

use crate::kernel::{console, platform};

/// The statistics that are printed, with their names.
const TAGS: [(&str, StatTag); 6] = [
    ("free", StatTag::FreeMemory),
    ("total", StatTag::TotalMemory),
    ("available", StatTag::AvailableMemory),
    ("major_faults", StatTag::MajorFaults),
    ("minor_faults", StatTag::MinorFaults),
    ("alloc_stalls", StatTag::AllocStalls),
];

/// Starts to print each sample.
pub(super) fn start() {
    platform::statistics::set_observer(|sample| console::print(format_args!("stats:{}\n", Line(sample))));
}

/// Prints the values of a sample, with a space before each.
struct Line<'a>(&'a Sample);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut known = TAGS.into_iter().filter_map(|(name, tag)| Some((name, self.0.get(tag)?)));
        known.try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}
