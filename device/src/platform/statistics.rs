//! The memory statistics of the kernel.

use aerostat_balloon::FrameSize;
use aerostat_balloon::platform::{Sample, StatTag, Statistics};

use super::TestPlatform;
use super::ledger::{Ledger, lock};

/// Calls of the test.
impl Ledger {
    /// Sets the statistics of the kernel: tags and values.
    pub fn set_statistics(&self, values: impl IntoIterator<Item = (u16, u64)>) {
        lock(&self.statistics).values = values.into_iter().collect();
    }

    /// Returns how many times the driver has sampled the statistics.
    pub fn statistics_samples(&self) -> u64 {
        lock(&self.statistics).samples
    }
}

impl<S: FrameSize> TestPlatform<S> {
    /// Returns the statistics of the kernel, tags and values, and counts the call.
    pub fn sample_statistics(&mut self) -> Vec<(u16, u64)> {
        let mut statistics = lock(&self.ledger.statistics);
        statistics.samples += 1;
        statistics.values.clone()
    }
}

impl<S: FrameSize> Statistics for TestPlatform<S> {
    fn sample(&mut self, sample: &mut Sample) {
        for (tag, value) in self.sample_statistics() {
            sample.set(StatTag::from_raw(tag), value);
        }
    }
}
