//! Devices by how they number their queues, in the whole table of offered and negotiated features, with queues behind those of the
//! description. The numbers are those of the device, or the detection fails.

use std::collections::BTreeSet;

use aerostat_test_support::Memory;
use aerostat_transport::QueueError;

use super::{assert_advises, detect, name, negotiated, negotiations, numbers, of_features, rule};

/// How a device numbers its queues, and which of them exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// The numbers of the specification. A queue exists if its feature is offered.
    Specification,
    /// The numbers of the specification. Every queue exists.
    SpecificationAll,
    /// The numbers of the specification. A queue exists if its feature is negotiated. Before the negotiation, the queues of all
    /// offered features exist.
    SpecificationNegotiated,
    /// Without gaps over the offered features.
    DenseOverOffered,
    /// Without gaps over the offered features. All queue numbers of the specification exist.
    DenseOverOfferedAll,
    /// Without gaps over the offered features. Before the negotiation, no queue exists.
    DenseOverOfferedLate,
    /// Without gaps over the negotiated features. Before the negotiation, the queues of all offered features exist.
    DenseFromOffered,
    /// Without gaps over the negotiated features. Before the negotiation, only the queues of every balloon exist.
    DenseFromNone,
    /// Without gaps over the negotiated features. All queue numbers of the specification exist at any time, as on Alioth.
    DenseFromAll,
}

/// Queues behind those of the description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Further {
    pub(crate) count: u16,
    /// They exist only before the negotiation, because the driver does not negotiate their feature.
    pub(crate) vanish: bool,
}

impl Policy {
    const TABLE: [Self; 9] = [
        Self::Specification,
        Self::SpecificationAll,
        Self::SpecificationNegotiated,
        Self::DenseOverOffered,
        Self::DenseOverOfferedAll,
        Self::DenseOverOfferedLate,
        Self::DenseFromOffered,
        Self::DenseFromNone,
        Self::DenseFromAll,
    ];

    fn is_dense(self) -> bool {
        !matches!(self, Self::Specification | Self::SpecificationAll | Self::SpecificationNegotiated)
    }

    /// Returns the features whose queues the device numbers.
    fn numbered(self, offered: u64, negotiated: u64) -> u64 {
        match self {
            Self::DenseFromOffered | Self::DenseFromNone | Self::DenseFromAll => negotiated,
            _ => offered,
        }
    }

    /// Returns the queues that exist before and after the negotiation.
    pub(crate) fn existing(self, offered: u64, negotiated: u64, further: Further) -> [Vec<u16>; 2] {
        let queues = |features: u64, further: u16| -> Vec<u16> {
            let mut queues: Vec<u16> =
                numbers(self.is_dense(), features).into_iter().map(|(_, number)| number).collect();
            let end = if self.is_dense() { queues.len() as u16 } else { 5 };
            queues.extend(end..end + further);
            queues
        };
        let [before, after] = [further.count, if further.vanish { 0 } else { further.count }];
        match self {
            Self::Specification | Self::DenseOverOffered => [queues(offered, before), queues(offered, after)],
            Self::SpecificationAll | Self::DenseOverOfferedAll | Self::DenseFromAll => {
                [queues(u64::MAX, before), queues(u64::MAX, after)]
            }
            Self::SpecificationNegotiated | Self::DenseFromOffered => {
                [queues(offered, before), queues(negotiated, after)]
            }
            Self::DenseOverOfferedLate => [vec![], queues(offered, after)],
            Self::DenseFromNone => [queues(0, 0), queues(negotiated, after)],
        }
    }

    /// The cells without further queues in which the detection fails, as [`name`] writes them.
    fn undecided(self) -> &'static [&'static str] {
        match self {
            // No device of another kind has these queues.
            Self::SpecificationNegotiated | Self::DenseFromOffered | Self::DenseFromNone => &[],
            // With all five queues, the device may be Alioth.
            Self::Specification | Self::DenseOverOffered => &["SHR:H", "SHR:HR", "SHR:R", "SHR:SR"],
            // All five queues exist, and some of the features are not offered: the device may have the numbers of the
            // specification, or be dense over the offered features with further queues, or be Alioth. crosvm before April 2025
            // is `SR:R`, Alioth is `SH` or `SHR`.
            Self::SpecificationAll | Self::DenseOverOfferedAll | Self::DenseFromAll => {
                &["H:H", "HR:H", "HR:HR", "HR:R", "R:R", "SH:H", "SHR:H", "SHR:HR", "SHR:R", "SHR:SR", "SR:R", "SR:SR"]
            }
            // The negotiation changes which queues exist, as on a device that numbers over the negotiated features.
            Self::DenseOverOfferedLate => &["HR:H", "HR:R", "SH:H", "SHR:H", "SHR:HR", "SHR:R", "SHR:SR", "SR:R"],
        }
    }
}

/// The whole table. The device's own numbers, or an error that says what to do. There is an error only if another numbering is
/// possible.
#[test]
fn the_numbers_are_those_of_the_device_or_the_detection_fails() {
    let mut memory = Memory::new();
    let (mut cells, mut found) = (0, 0);
    for policy in Policy::TABLE {
        let mut undecided = BTreeSet::new();
        for (offered, chosen) in negotiations() {
            // The driver reads the queues 0 to 7.
            for (count, vanish) in (0..8).flat_map(|count| [(count, false), (count, true)]) {
                cells += 1;
                let further = Further { count, vanish };
                let [before, after] = policy.existing(offered, chosen, further);
                let case = format!("{policy:?} {} {further:?}", name(offered, chosen));
                let (_soft, mut device) = negotiated(offered, chosen, &before, &after);
                let seen = |queues: &[u16]| queues.iter().copied().filter(|queue| *queue < 8).collect::<Vec<_>>();
                let possible = rule::possible(offered, chosen, &seen(&before), &seen(&after));
                match detect(&mut device, &mut memory) {
                    Ok(detected) => {
                        found += 1;
                        let own = numbers(policy.is_dense(), policy.numbered(offered, chosen));
                        assert_eq!(detected, of_features(own, chosen), "{case}");
                    }
                    Err(error) => {
                        assert_advises(error, &case);
                        assert!(possible.len() != 1, "{case}: {possible:?}");
                        if matches!(error, QueueError::UnknownNumbers { .. }) {
                            // The further queues that vanish are as many as the queues that the negotiation adds.
                            assert!(policy == Policy::DenseFromNone && vanish, "{case}");
                        }
                        if count == 0 {
                            undecided.insert(name(offered, chosen));
                        }
                    }
                }
            }
        }
        let expected: BTreeSet<String> = policy.undecided().iter().map(|cell| cell.to_string()).collect();
        assert_eq!(undecided, expected, "{policy:?}");
    }
    assert_eq!((cells, found), (9 * 27 * 16, 2768));
}
