//! Numbers of queues.
//!
//! The specification gives each queue a fixed number. Many deployed devices count only the queues that they have, so a
//! queue after a missing one has a lower number.

use aerostat_spec::QueueSpec;

/// How the queues of a device are numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// Detects the numbering: [`Numbering::Specification`], unless the device does not have the specified number of the last
    /// optional queue in use; then [`Numbering::DenseOverOffered`].
    #[default]
    Automatic,
    /// Uses the numbers of the specification.
    Specification,
    /// Does not count queues whose feature the device does not offer.
    DenseOverOffered,
    /// Does not count queues whose feature was not negotiated.
    DenseOverNegotiated,
}

/// The numbering in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// The numbers of the specification.
    Specified,
    /// Only queues whose features are in the mask count.
    Dense(u64),
}

impl Numbers {
    /// Returns the number of the queue `spec` among `queues`.
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

/// Returns whether the queue exists with these features.
pub(crate) fn exists(queue: &QueueSpec, features: u64) -> bool {
    queue.needs & !features == 0
}

/// Returns the queue with the highest number among those that depend on an accepted feature.
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
    fn detection_considers_only_queues_in_use() {
        assert_eq!(last_optional(QUEUES, STATS | REPORTING).map(|queue| queue.index), Some(4));
        assert_eq!(last_optional(QUEUES, STATS).map(|queue| queue.index), Some(2));
        assert_eq!(last_optional(QUEUES, 0), None);
    }
}
