//! What the kernel knows about its memory.

use aerostat_balloon::{FrameSize, Sample, StatTag, Statistics};

use super::TestPlatform;
use super::ledger::{Ledger, lock};

/// What the kernel says, and how often it was asked.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    values: Vec<(u16, u64)>,
    asked: u64,
}

/// What the test asks and wants of statistics.
impl Ledger {
    /// What the kernel says from now on: tags and values.
    pub fn set_statistics(&self, values: impl IntoIterator<Item = (u16, u64)>) {
        lock(&self.statistics).values = values.into_iter().collect();
    }

    /// How often the driver has asked for statistics.
    pub fn statistics_asked(&self) -> u64 {
        lock(&self.statistics).asked
    }
}

impl<S: FrameSize> TestPlatform<S> {
    /// What the kernel says now, tags and values. Counts.
    pub fn sample_statistics(&mut self) -> Vec<(u16, u64)> {
        let mut sampled = lock(&self.ledger.statistics);
        sampled.asked += 1;
        sampled.values.clone()
    }
}

impl<S: FrameSize> Statistics for TestPlatform<S> {
    fn sample(&mut self, sample: &mut Sample) {
        for (tag, value) in self.sample_statistics() {
            sample.set(StatTag::from_raw(tag), value);
        }
    }
}
