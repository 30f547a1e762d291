//! Queue numbers: the scheme of the specification (5.5.2), and those of deployed devices.

use super::features;

/// The purpose of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueKind {
    /// Pages enter the balloon.
    Inflate,
    /// Pages leave the balloon.
    Deflate,
    /// Memory statistics: STATS_VQ.
    Statistics,
    /// Free page hinting: FREE_PAGE_HINT.
    FreePage,
    /// Free page reporting: PAGE_REPORTING.
    Reporting,
    /// A queue that the balloon has no use for: [`Builder::further_queues`](crate::Builder::further_queues),
    /// [`Quirk::KeepsQueueCount`](crate::Quirk::KeepsQueueCount).
    Further,
}

impl QueueKind {
    /// The kinds of the specification, in the order of their numbers in the specification.
    pub const ALL: [Self; 5] = [Self::Inflate, Self::Deflate, Self::Statistics, Self::FreePage, Self::Reporting];

    /// Returns the feature bit that the queue depends on, 0 if the queue always exists or belongs to no feature of the balloon.
    pub const fn feature(self) -> u64 {
        match self {
            Self::Inflate | Self::Deflate | Self::Further => 0,
            Self::Statistics => features::STATS_VQ,
            Self::FreePage => features::FREE_PAGE_HINT,
            Self::Reporting => features::PAGE_REPORTING,
        }
    }

    /// Returns whether a device with these features has the queue, by the specification.
    const fn exists_with(self, features: u64) -> bool {
        features & self.feature() == self.feature()
    }
}

/// The numbering scheme of the queues. QueueSizeMax of a queue that does not exist reads 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// The numbers of the specification, 0 to 4. A queue whose feature is not offered leaves a gap.
    #[default]
    Specification,
    /// Without gaps, over the offered features: Cloud Hypervisor, crosvm, Firecracker, StratoVirt.
    DenseOverOffered,
    /// Without gaps, over the negotiated features, as Linux expects: Alioth. The numbers are final after FEATURES_OK.
    DenseOverNegotiated,
    /// QEMU: the statistics queue is always queue 2, also if it is not offered (QEMU itself always offers it). Hinting and
    /// reporting follow without gaps, if they are offered.
    Qemu,
}

/// Queues that the driver has no use for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surplus {
    /// The device has all queue numbers of the specification, [`Quirk::KeepsQueueCount`](crate::Quirk::KeepsQueueCount).
    pub(crate) keeps_count: bool,
    /// Queues behind those of the balloon, [`Builder::further_queues`](crate::Builder::further_queues).
    pub(crate) further: u16,
}

impl Numbering {
    /// All numbering schemes.
    pub const ALL: [Self; 4] = [Self::Specification, Self::DenseOverOffered, Self::DenseOverNegotiated, Self::Qemu];

    /// Returns the existing queues with their numbers. `negotiated` is `None` before feature negotiation is complete.
    pub(crate) fn queues(self, offered: u64, negotiated: Option<u64>, surplus: Surplus) -> Vec<(u16, QueueKind)> {
        let mut queues = self.balloon_queues(offered, negotiated);
        let specified = QueueKind::ALL.len() as u16;
        if surplus.keeps_count {
            let unused = (0..specified).filter(|number| queues.iter().all(|(used, _)| used != number));
            let unused: Vec<_> = unused.map(|number| (number, QueueKind::Further)).collect();
            queues.extend(unused);
        }
        // The numbers of the specification are reserved also if their queues do not exist.
        let first = if self == Self::Specification { specified } else { queues.len() as u16 };
        queues.extend((first..first.saturating_add(surplus.further)).map(|number| (number, QueueKind::Further)));
        queues
    }

    /// Returns the existing queues of the balloon with their numbers.
    fn balloon_queues(self, offered: u64, negotiated: Option<u64>) -> Vec<(u16, QueueKind)> {
        let (features, dense) = match self {
            Self::Specification => (offered, false),
            Self::DenseOverOffered => (offered, true),
            Self::DenseOverNegotiated => (negotiated.unwrap_or(offered), true),
            Self::Qemu => (offered | features::STATS_VQ, true),
        };
        let existing = (0..).zip(QueueKind::ALL).filter(|(_, kind)| kind.exists_with(features));
        if dense { (0..).zip(existing.map(|(_, kind)| kind)).collect() } else { existing.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::QueueKind::{Deflate, FreePage, Inflate, Reporting, Statistics};
    use super::*;

    const STATS: u64 = features::STATS_VQ;
    const HINT: u64 = features::FREE_PAGE_HINT;
    const REPORT: u64 = features::PAGE_REPORTING;

    /// Returns the kind of each queue number, for every set of features with queues.
    fn table(numbering: Numbering) -> [[Option<QueueKind>; 5]; 8] {
        let sets = [0, STATS, HINT, STATS | HINT, REPORT, STATS | REPORT, HINT | REPORT, STATS | HINT | REPORT];
        sets.map(|offered| {
            let mut row = [None; 5];
            for (number, kind) in numbering.queues(offered, None, Surplus::default()) {
                row[usize::from(number)] = Some(kind);
            }
            assert_eq!((row[0], row[1]), (Some(Inflate), Some(Deflate)));
            row
        })
    }

    fn optional_queues(numbering: Numbering) -> [[Option<QueueKind>; 3]; 8] {
        table(numbering).map(|[_, _, second, third, fourth]| [second, third, fourth])
    }

    #[test]
    fn specification_numbers_have_gaps() {
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
        assert_eq!(optional_queues(Numbering::Specification), expected);
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
        assert_eq!(optional_queues(Numbering::DenseOverOffered), expected);
        assert_eq!(optional_queues(Numbering::DenseOverNegotiated), expected, "before negotiation");
        let negotiated = Numbering::DenseOverNegotiated.queues(STATS | HINT | REPORT, Some(REPORT), Surplus::default());
        assert_eq!(negotiated, [(0, Inflate), (1, Deflate), (2, Reporting)]);
    }

    #[test]
    fn further_queues_follow_those_of_the_balloon() {
        for (numbering, expected) in [
            (Numbering::Specification, [5, 6]),
            (Numbering::DenseOverOffered, [4, 5]),
            (Numbering::DenseOverNegotiated, [3, 4]),
            (Numbering::Qemu, [4, 5]),
        ] {
            let surplus = Surplus { further: 2, ..Surplus::default() };
            assert_eq!(surplus_queues(numbering, surplus), expected, "{numbering:?}");
        }
    }

    #[test]
    fn surplus_queues_have_the_remaining_numbers_of_the_specification() {
        for (numbering, expected) in [
            (Numbering::Specification, [3, 5, 6].as_slice()),
            (Numbering::DenseOverOffered, &[4, 5, 6]),
            (Numbering::DenseOverNegotiated, &[3, 4, 5, 6]),
            (Numbering::Qemu, &[4, 5, 6]),
        ] {
            let surplus = Surplus { keeps_count: true, further: 2 };
            assert_eq!(surplus_queues(numbering, surplus), expected, "{numbering:?}");
        }
    }

    /// Returns the numbers of the queues without purpose, if statistics and reporting are offered, and reporting is negotiated.
    fn surplus_queues(numbering: Numbering, surplus: Surplus) -> Vec<u16> {
        let queues = numbering.queues(STATS | REPORT, Some(REPORT), surplus).into_iter();
        queues.filter(|(_, kind)| *kind == QueueKind::Further).map(|(number, _)| number).collect()
    }

    #[test]
    fn qemu_always_has_the_statistics_queue() {
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
        assert_eq!(optional_queues(Numbering::Qemu), expected);
    }
}
