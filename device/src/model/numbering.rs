//! Which queue has which number: section 5.5.2, and what deployed devices make of it.

use super::features;

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueKind {
    /// Page numbers that go into the balloon.
    Inflate,
    /// Page numbers that leave the balloon.
    Deflate,
    /// Memory statistics: STATS_VQ.
    Statistics,
    /// Hints of pages that are free at the moment: FREE_PAGE_HINT.
    FreePage,
    /// Pages that became free: PAGE_REPORTING.
    Reporting,
}

impl QueueKind {
    /// All kinds, in the order of the specification's numbers.
    pub const ALL: [Self; 5] = [Self::Inflate, Self::Deflate, Self::Statistics, Self::FreePage, Self::Reporting];

    /// The feature bit without which there is no such queue, 0 for those that are always there.
    pub const fn feature(self) -> u64 {
        match self {
            Self::Inflate | Self::Deflate => 0,
            Self::Statistics => features::STATS_VQ,
            Self::FreePage => features::FREE_PAGE_HINT,
            Self::Reporting => features::PAGE_REPORTING,
        }
    }

    /// Whether a device with these features has such a queue, by the specification.
    const fn is_in(self, features: u64) -> bool {
        features & self.feature() == self.feature()
    }
}

/// How a device numbers its queues. The size of a queue that does not exist reads 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// As the specification prints them, 0 to 4: a queue whose feature is not offered leaves a gap.
    #[default]
    Specification,
    /// Without gaps, over the features that the device offers: Cloud Hypervisor, crosvm, Firecracker.
    DenseOverOffered,
    /// Without gaps, over the features that were negotiated, as Linux expects it: settled with FEATURES_OK.
    DenseOverNegotiated,
    /// QEMU: statistics are always queue 2, also where they are not offered (QEMU itself always offers them); hinting and
    /// reporting come behind without gaps, as far as they are offered.
    Qemu,
}

impl Numbering {
    /// The queues that exist, with their numbers.
    pub(super) fn queues(self, offered: u64, negotiated: Option<u64>) -> Vec<(u16, QueueKind)> {
        let (features, dense) = match self {
            Self::Specification => (offered, false),
            Self::DenseOverOffered => (offered, true),
            Self::DenseOverNegotiated => (negotiated.unwrap_or(offered), true),
            Self::Qemu => (offered | features::STATS_VQ, true),
        };
        let there = (0..).zip(QueueKind::ALL).filter(|(_, kind)| kind.is_in(features));
        if dense { (0..).zip(there.map(|(_, kind)| kind)).collect() } else { there.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::QueueKind::{Deflate, FreePage, Inflate, Reporting, Statistics};
    use super::*;

    const STATS: u64 = features::STATS_VQ;
    const HINT: u64 = features::FREE_PAGE_HINT;
    const REPORT: u64 = features::PAGE_REPORTING;

    /// The kind of each queue number, for every set of the features that bring queues.
    fn table(numbering: Numbering) -> [[Option<QueueKind>; 5]; 8] {
        let sets = [0, STATS, HINT, STATS | HINT, REPORT, STATS | REPORT, HINT | REPORT, STATS | HINT | REPORT];
        sets.map(|offered| {
            let mut row = [None; 5];
            for (number, kind) in numbering.queues(offered, None) {
                row[usize::from(number)] = Some(kind);
            }
            assert_eq!((row[0], row[1]), (Some(Inflate), Some(Deflate)));
            row
        })
    }

    fn rest(numbering: Numbering) -> [[Option<QueueKind>; 3]; 8] {
        table(numbering).map(|[_, _, second, third, fourth]| [second, third, fourth])
    }

    #[test]
    fn the_specification_leaves_gaps() {
        let (s, h, r) = (Some(Statistics), Some(FreePage), Some(Reporting));
        let expected = [
            [None, None, None],
            [s, None, None],
            [None, h, None],
            [s, h, None],
            [None, None, r],
            [s, None, r],
            [None, h, r],
            [s, h, r],
        ];
        assert_eq!(rest(Numbering::Specification), expected);
    }

    #[test]
    fn dense_numbers_have_no_gaps() {
        let (s, h, r) = (Some(Statistics), Some(FreePage), Some(Reporting));
        let expected = [
            [None, None, None],
            [s, None, None],
            [h, None, None],
            [s, h, None],
            [r, None, None],
            [s, r, None],
            [h, r, None],
            [s, h, r],
        ];
        assert_eq!(rest(Numbering::DenseOverOffered), expected);
        assert_eq!(rest(Numbering::DenseOverNegotiated), expected, "before anything is negotiated");
        let negotiated = Numbering::DenseOverNegotiated.queues(STATS | HINT | REPORT, Some(REPORT));
        assert_eq!(negotiated, [(0, Inflate), (1, Deflate), (2, Reporting)]);
    }

    #[test]
    fn qemu_always_has_statistics() {
        let (s, h, r) = (Some(Statistics), Some(FreePage), Some(Reporting));
        let expected = [
            [s, None, None],
            [s, None, None],
            [s, h, None],
            [s, h, None],
            [s, r, None],
            [s, r, None],
            [s, h, r],
            [s, h, r],
        ];
        assert_eq!(rest(Numbering::Qemu), expected);
    }
}
