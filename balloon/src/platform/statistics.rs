//! Memory statistics that a kernel supplies ("Memory Statistics", 5.5.6.3).

use aerostat_spec::balloon::StatTag;

/// Number of tags that the specification defines.
const DEFINED: usize = StatTag::ALL.len();
/// Number of other tags that a sample has room for.
const OTHERS: usize = 4;
/// Number of tags that a sample has room for.
pub(crate) const TAGS: usize = DEFINED + OTHERS;

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
    values: [u64; DEFINED],
    known: u16,
    /// Tags that the specification does not define, and their values.
    others: [(u16, u64); OTHERS],
    other_count: u8,
}

impl Sample {
    /// Sets the value of a statistic: bytes for amounts of memory, a count since boot for all others.
    ///
    /// There is room for 4 tags that the specification does not define, such as `StatTag::Unknown(65534)` of crosvm. More of
    /// them are ignored.
    pub fn set(&mut self, tag: StatTag, value: u64) -> &mut Self {
        let raw = tag.to_raw();
        if let Some(slot) = self.values.get_mut(usize::from(raw)) {
            *slot = value;
            self.known |= 1 << raw;
        } else if let Some(slot) = self.other_mut(raw) {
            *slot = value;
        } else if let Some(slot) = self.others.get_mut(usize::from(self.other_count)) {
            *slot = (raw, value);
            self.other_count += 1;
        }
        self
    }

    /// Returns the value of a tag that the specification does not define, for changes.
    fn other_mut(&mut self, raw: u16) -> Option<&mut u64> {
        let others = self.others.iter_mut().take(self.other_count.into());
        others.into_iter().find(|(tag, _)| *tag == raw).map(|(_, value)| value)
    }

    fn others(&self) -> impl Iterator<Item = (u16, u64)> {
        self.others.into_iter().take(self.other_count.into())
    }

    /// Returns the value of a statistic if it was set.
    pub fn get(&self, tag: StatTag) -> Option<u64> {
        let raw = tag.to_raw();
        match self.values.get(usize::from(raw)) {
            Some(value) => (self.known >> raw & 1 != 0).then_some(*value),
            None => self.others().find(|(other, _)| *other == raw).map(|(_, value)| value),
        }
    }

    /// Returns whether no value was set.
    pub fn is_empty(&self) -> bool {
        self.known == 0 && self.other_count == 0
    }

    /// Returns the raw tag and the value of each statistic that was set, in the order of the tags that the specification defines.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u16, u64)> {
        (0_u16..).zip(self.values).filter(|(tag, _)| self.known >> tag & 1 != 0).chain(self.others())
    }

    /// Takes over the values from `newer` that this sample has too.
    pub(crate) fn update(&mut self, newer: &Self) {
        for (tag, value) in newer.entries() {
            let slot = match self.values.get_mut(usize::from(tag)) {
                Some(slot) => Some(slot).filter(|_| self.known >> tag & 1 != 0),
                None => self.other_mut(tag),
            };
            if let Some(slot) = slot {
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
        sample.set(StatTag::FreeMemory, 0).set(StatTag::DirectReclaims, u64::MAX);
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
        assert_eq!(sample.entries().count(), DEFINED);
    }

    #[test]
    fn a_sample_has_room_for_a_few_tags_that_the_specification_does_not_define() {
        let (mut sample, mut newer) = (Sample::default(), Sample::default());
        assert!(sample.is_empty());
        sample.set(StatTag::Unknown(65534), 1).set(StatTag::Unknown(65535), 2).set(StatTag::Unknown(65534), 3);
        assert!(!sample.is_empty());
        assert_eq!(sample.entries().collect::<std::vec::Vec<_>>(), [(65534, 3), (65535, 2)]);
        newer.set(StatTag::Unknown(65535), 4).set(StatTag::Unknown(100), 5);
        sample.update(&newer);
        assert_eq!((sample.get(StatTag::Unknown(65535)), sample.get(StatTag::Unknown(100))), (Some(4), None));
        for tag in 1000..1010 {
            sample.set(StatTag::Unknown(tag), 6);
        }
        assert_eq!(sample.entries().count(), 4);
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
