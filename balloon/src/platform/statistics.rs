//! Memory statistics that a kernel supplies ("Memory Statistics", 5.5.6.3).

use aerostat_spec::balloon::StatTag;

/// Number of tags that the specification defines.
pub(crate) const TAGS: usize = StatTag::ALL.len();

/// The kernel's memory statistics.
///
/// Required where [`StatsVq`](crate::feature::StatsVq) is declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not supply memory statistics",
    label = "the declared feature `StatsVq` needs `Statistics`",
    note = "implement `Statistics` for `{Self}`, or remove `StatsVq` from the feature set"
)]
pub trait Statistics {
    /// Fills in the current values. The tags filled in during [`probe`](crate::Balloon::probe) are the set that is sent
    /// from then on. A tag added later is left out; for a tag missing later the last value is sent.
    fn sample(&mut self, sample: &mut Sample);
}

/// A set of statistics values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    values: [u64; TAGS],
    known: u16,
}

impl Sample {
    /// Sets the value of a statistic: bytes for amounts of memory, a count since boot for all others. A tag that the
    /// specification does not define is ignored.
    pub fn set(&mut self, tag: StatTag, value: u64) -> &mut Self {
        if let Some(slot) = self.values.get_mut(usize::from(tag.to_raw())) {
            *slot = value;
            self.known |= 1 << tag.to_raw();
        }
        self
    }

    /// Returns the value of a statistic if it was set.
    pub fn get(&self, tag: StatTag) -> Option<u64> {
        let raw = tag.to_raw();
        let value = self.values.get(usize::from(raw))?;
        (self.known >> raw & 1 != 0).then_some(*value)
    }

    /// Returns whether no value was set.
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// Returns the raw tag and the value of each statistic that was set, in the order of the tags.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u16, u64)> {
        (0_u16..).zip(self.values).filter(|(tag, _)| self.known >> tag & 1 != 0)
    }

    /// Takes over the values from `newer` that this sample has too.
    pub(crate) fn update(&mut self, newer: &Self) {
        for (tag, value) in newer.entries() {
            if self.known >> tag & 1 != 0
                && let Some(slot) = self.values.get_mut(usize::from(tag))
            {
                *slot = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_values_that_were_set_and_no_others() {
        let mut sample = Sample::default();
        sample.set(StatTag::FreeMemory, 0).set(StatTag::DirectReclaims, u64::MAX).set(StatTag::Unknown(16), 5);
        assert_eq!(sample.get(StatTag::FreeMemory), Some(0));
        assert_eq!(sample.get(StatTag::DirectReclaims), Some(u64::MAX));
        assert_eq!(sample.get(StatTag::TotalMemory), None);
        assert_eq!(sample.get(StatTag::Unknown(16)), None);
        assert_eq!(sample.entries().count(), 2);
    }

    #[test]
    fn every_tag_of_the_specification_fits_into_a_sample() {
        let mut sample = Sample::default();
        for tag in StatTag::ALL {
            assert_eq!(sample.set(*tag, 7).get(*tag), Some(7));
        }
        assert_eq!(sample.entries().count(), TAGS);
    }

    #[test]
    fn an_update_changes_only_tags_of_the_set() {
        let (mut sample, mut newer) = (Sample::default(), Sample::default());
        sample.set(StatTag::FreeMemory, 1).set(StatTag::TotalMemory, 2);
        newer.set(StatTag::FreeMemory, 3).set(StatTag::SwapIn, 4);
        sample.update(&newer);
        let value = |tag| sample.get(tag);
        assert_eq!([value(StatTag::FreeMemory), value(StatTag::TotalMemory)], [Some(3), Some(2)]);
        assert_eq!(value(StatTag::SwapIn), None);
    }
}
