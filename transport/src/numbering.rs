//! Which number a queue has.
//!
//! The specification gives each queue of a device a fixed number. Many deployed devices count only the queues that they
//! have, so that a queue behind one that they lack has a lower number there.

use aerostat_spec::QueueSpec;

/// How the queues of a device are numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// Found out: as specified, unless the device has no queue of the number that the specification gives the last
    /// optional queue in use; then densely over the features that the device offers.
    #[default]
    Automatic,
    /// As the specification says.
    Specification,
    /// Queues that depend on a feature which the device does not offer are not counted.
    DenseOverOffered,
    /// Queues that depend on a feature which was not negotiated are not counted.
    DenseOverNegotiated,
}

/// A numbering that was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// As the specification says.
    Specified,
    /// Counting only queues whose features are in the mask.
    Dense(u64),
}

impl Numbers {
    /// The number of the queue `spec` among `queues`.
    pub(crate) fn of(self, spec: &QueueSpec, queues: &[QueueSpec]) -> u16 {
        match self {
            Self::Specified => spec.index,
            Self::Dense(features) => {
                let before = queues.iter().filter(|other| other.index < spec.index && exists(other, features));
                u16::try_from(before.count()).unwrap_or(u16::MAX)
            }
        }
    }
}

/// Whether the queue exists with these features.
pub(crate) fn exists(queue: &QueueSpec, features: u64) -> bool {
    queue.needs & !features == 0
}

/// The queue with the highest number of those that exist only with a feature and are in use with `accepted`.
pub(crate) fn last_optional(queues: &[QueueSpec], accepted: u64) -> Option<&QueueSpec> {
    queues.iter().filter(|queue| queue.needs != 0 && exists(queue, accepted)).max_by_key(|queue| queue.index)
}

#[cfg(test)]
mod tests {
    use aerostat_spec::{Device as _, balloon};

    use super::*;

    const QUEUES: &[QueueSpec] = balloon::Device::QUEUES;
    const STATS: u64 = 1 << 1;
    const HINT: u64 = 1 << 3;
    const REPORTING: u64 = 1 << 5;

    fn numbers(features: u64) -> [u16; 5] {
        [0, 1, 2, 3, 4].map(|queue| Numbers::Dense(features).of(&QUEUES[queue], QUEUES))
    }

    #[test]
    fn dense_numbers_count_only_the_queues_that_exist() {
        assert_eq!(numbers(STATS | HINT | REPORTING), [0, 1, 2, 3, 4]);
        assert_eq!(numbers(STATS | REPORTING)[4], 3);
        assert_eq!(numbers(HINT | REPORTING)[3..], [2, 3]);
        assert_eq!(numbers(REPORTING)[4], 2);
    }

    #[test]
    fn the_specified_numbers_do_not_depend_on_features() {
        assert_eq!([0, 2, 4].map(|queue: usize| Numbers::Specified.of(&QUEUES[queue], QUEUES)), [0, 2, 4]);
    }

    #[test]
    fn only_queues_in_use_decide_on_the_numbering() {
        assert_eq!(last_optional(QUEUES, STATS | REPORTING).map(|queue| queue.index), Some(4));
        assert_eq!(last_optional(QUEUES, STATS).map(|queue| queue.index), Some(2));
        assert_eq!(last_optional(QUEUES, 0), None);
    }
}
