//! Numbers of queues.
//!
//! The specification gives each queue a fixed number. Many deployed devices count only the queues that they have, so a
//! queue after a missing one has a lower number.

use aerostat_spec::{ComputedQueues, QueueSpec};

use crate::bus::{QueueError, Transport};
use crate::device::fail_on_drop::FailOnDrop;

/// How the queues of a device are numbered.
///
/// # Detection
///
/// [`Numbering::Automatic`] reads which queues exist, before and after the features are negotiated. A numbering is excluded
///
/// * if the device does not have a queue that it would have by this numbering: with [`Numbering::DenseOverNegotiated`] those of
///   the negotiated features, otherwise those of the offered features. With [`Numbering::Specification`], those of the
///   negotiated features are enough if the negotiation has changed which queues exist;
/// * if it is [`Numbering::DenseOverNegotiated`], and the negotiation has not changed which queues exist, although not all offered
///   queues were negotiated, unless every queue of the specification exists.
///
/// Other queues may exist by any numbering: devices have extensions, and some have a queue whose feature they do not offer. If the
/// remaining numberings give the negotiated queues the same numbers, these are used. Otherwise a driver cannot read what tells the
/// device apart from another one, and [`Device::number_queues`](crate::Device::number_queues) returns
/// [`QueueError::AmbiguousNumbers`].
///
/// The last rule is an assumption about devices: one that numbers over the negotiated features changes its queues with the
/// negotiation, or has every queue of the specification. No other device of this kind is known. It would look like QEMU without
/// hinting, which numbers over the offered features.
///
/// The detection does not look for queues whose index is known only at run time, such as the request queues of a file system device,
/// because the number of these queues is not known. But their indexes have to agree, so a file system device that does not offer
/// notifications is ambiguous: its first request queue is 2 or 1. Known devices have [`Numbering::DenseOverOffered`].
///
/// For a balloon, this happens if the device offers a queue after one that it does not offer, and has as many queues as the
/// specification gives it:
///
/// | offered queues | existing queues | queue in use | numbers |
/// |---|---|---|---|
/// | hinting | 0 to 3, or more | hinting | 3 or 2 |
/// | reporting | 0 to 4, or more | reporting | 4 or 2 |
/// | statistics, reporting | 0 to 4, or more | reporting | 4 or 3 |
/// | hinting, reporting | 0 to 4, or more | hinting or reporting | 3 or 2, 4 or 3 |
///
/// It also happens if every queue of the specification exists, and the driver negotiates a queue after an offered one that it
/// does not negotiate: for instance reporting, but not hinting, where both are offered. The device may number over the
/// negotiated features.
///
/// These devices are in one of the two cases. The last column has the number of the reporting queue.
///
/// | device | offered queues | existing queues | reporting queue |
/// |---|---|---|---|
/// | crosvm before April 2025 | statistics, reporting | 0 to 4 | 4: [`Numbering::Specification`] |
/// | crosvm since April 2025, working-set extension | statistics, reporting | 0 to 5 | 3: [`Numbering::DenseOverOffered`] |
/// | Alioth | all; page reporting is an option | 0 to 4 | 2, if it is negotiated alone: [`Numbering::DenseOverNegotiated`] |
/// | QEMU, Firecracker with all queues; libkrun | all | 0 to 4 | 4: [`Numbering::Specification`] |
///
/// A driver cannot tell the last two apart. A kernel that negotiates all three queues needs no setting on either.
/// Alioth without page reporting has five queues too. There, the hinting queue is 2 if it is negotiated without statistics, and
/// would be 3 by the other numberings.
///
/// Other configurations of these devices are detected: QEMU and Firecracker without hinting or without reporting, Cloud
/// Hypervisor, Dragonball, StratoVirt, kvmtool, and crosvm without the working-set extension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// Detects the numbering, or fails.
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

/// The maximum number of queues that the detection looks for.
const MAX_NUMBERS: u16 = 16;
/// The number of queues behind those of the description that the detection looks for.
const FURTHER: u16 = 4;

/// A set of queues, by their numbers below [`MAX_NUMBERS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExistingQueues {
    mask: u16,
    /// The numbers below this one are known.
    known: u16,
}

/// The queues of a device, its features, and which queues exist before and after the negotiation.
///
/// Only queues with a fixed index are evidence. The number of queues of a range is not known: a console with one port does not have
/// the queues of another port. `COMPUTED` is whether the description has such queues; without them, the code for them is not
/// compiled in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<const COMPUTED: bool> {
    pub(crate) queues: &'static [QueueSpec],
    pub(crate) computed: &'static [ComputedQueues],
    pub(crate) offered: u64,
    pub(crate) negotiated: u64,
    pub(crate) before: ExistingQueues,
    pub(crate) after: ExistingQueues,
}

impl Numbers {
    /// Returns the number of the queue `spec` among `queues`.
    // Not inlined, because the detection needs it in several places.
    #[inline(never)]
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

impl Numbers {
    /// Returns the number of the queue `spec` among `queues` and `computed`. An index counts as used if the device may have that
    /// queue, because the number of queues of a range is not known here.
    #[inline(never)]
    pub(crate) fn among(self, spec: &QueueSpec, queues: &[QueueSpec], computed: &[ComputedQueues]) -> u16 {
        let number = self.of(spec, queues);
        let Self::Dense(features) = self else { return number };
        let computed = computed.iter().filter(|other| exists(&other.spec, features));
        computed.fold(number, |number, other| number.saturating_add(other.count_below(spec.index)))
    }
}

/// Returns whether the queue exists with these features.
#[inline]
pub(crate) fn exists(queue: &QueueSpec, features: u64) -> bool {
    queue.needs & !features == 0
}

/// Returns whether the number of a queue that a driver with these declared features can use depends on how the device numbers its
/// queues: a queue before it depends on a feature. Otherwise the detection is not compiled in.
pub(super) const fn is_variable(queues: &[QueueSpec], computed: &[ComputedQueues], declared: u64) -> bool {
    let mut rest = queues;
    while let [queue, others @ ..] = rest {
        rest = others;
        if queue.needs & !declared == 0 && has_conditional(queues, computed, queue.index) {
            return true;
        }
    }
    let mut rest = computed;
    while let [queue, others @ ..] = rest {
        rest = others;
        if queue.spec.needs & !declared == 0 && has_conditional(queues, computed, queue.highest_index()) {
            return true;
        }
    }
    false
}

/// Returns whether a queue before this index depends on a feature.
const fn has_conditional(queues: &[QueueSpec], computed: &[ComputedQueues], index: u16) -> bool {
    let mut rest = queues;
    while let [other, others @ ..] = rest {
        rest = others;
        if other.needs != 0 && other.index < index {
            return true;
        }
    }
    let mut rest = computed;
    while let [other, others @ ..] = rest {
        rest = others;
        if other.spec.needs != 0 && other.spec.index < index {
            return true;
        }
    }
    false
}

impl ExistingQueues {
    /// Adds a queue.
    pub(crate) fn insert(&mut self, queue: u16) {
        self.mask |= 1_u16.checked_shl(queue.into()).unwrap_or(0);
    }

    /// Returns whether the queue is in the set, or may be in it.
    #[inline]
    pub(crate) fn may_contain(self, queue: u16) -> bool {
        queue >= self.known || self.contains(queue)
    }

    /// Returns whether the queue is in the set.
    #[inline]
    pub(crate) fn contains(self, queue: u16) -> bool {
        self.mask & 1_u16.checked_shl(queue.into()).unwrap_or(0) != 0
    }
}

impl<T: Transport> FailOnDrop<T> {
    /// Reads which queues exist: those of the description and a few behind them, at most [`MAX_NUMBERS`].
    pub(super) fn existing_queues(&mut self, queues: &[QueueSpec]) -> ExistingQueues {
        let last = queues.iter().map(|queue| queue.index).max().unwrap_or(0);
        let known = last.saturating_add(FURTHER).min(MAX_NUMBERS);
        let mut existing = ExistingQueues { mask: 0, known };
        for queue in 0..known {
            if self.queue_limit(queue) != Err(QueueError::Missing { queue }) {
                existing.insert(queue);
            }
        }
        existing
    }
}

impl<const COMPUTED: bool> Evidence<COMPUTED> {
    /// Returns the numbers of the negotiated queues.
    ///
    /// # Errors
    ///
    /// [`QueueError::AmbiguousNumbers`], [`QueueError::UnknownNumbers`].
    #[inline(never)]
    pub(crate) fn numbers(&self) -> Result<Numbers, QueueError> {
        let all = [Numbers::Specified, Numbers::Dense(self.offered), Numbers::Dense(self.negotiated)];
        let mut found = None;
        for numbers in all {
            if self.allows(numbers) {
                self.check_agreement(*found.get_or_insert(numbers), numbers)?;
            }
        }
        let depends = || self.queues.iter().find(|queue| queue.needs != 0 && exists(queue, self.negotiated));
        match (found, depends().or_else(|| self.computed().map(|computed| &computed.spec).next())) {
            (Some(numbers), _) => Ok(numbers),
            (None, Some(queue)) => Err(QueueError::UnknownNumbers { queue }),
            // Only queues that every device has are used.
            (None, None) => Ok(Numbers::Specified),
        }
    }

    /// Checks that two numberings give the negotiated queues the same numbers.
    #[inline(never)]
    fn check_agreement(&self, one: Numbers, other: Numbers) -> Result<(), QueueError> {
        for queue in self.queues {
            let numbers = [self.number(one, queue), self.number(other, queue)];
            if exists(queue, self.negotiated) && numbers[0] != numbers[1] {
                return Err(QueueError::AmbiguousNumbers { queue, numbers });
            }
        }
        for computed in self.computed() {
            // The higher the index, the more the numberings differ.
            for index in [computed.spec.index, computed.highest_index()] {
                let queue = QueueSpec { index, ..computed.spec };
                let numbers = [self.number(one, &queue), self.number(other, &queue)];
                if numbers[0] != numbers[1] {
                    return Err(QueueError::AmbiguousNumbers { queue: &computed.spec, numbers });
                }
            }
        }
        Ok(())
    }

    /// Returns the negotiated queues whose index is known only at run time.
    #[inline(always)]
    fn computed(&self) -> impl Iterator<Item = &'static ComputedQueues> + use<COMPUTED> {
        let (computed, negotiated) = (if COMPUTED { self.computed } else { &[] }, self.negotiated);
        computed.iter().filter(move |computed| exists(&computed.spec, negotiated))
    }

    /// Returns whether a device that numbers its queues like this can have the existing queues.
    #[inline(never)]
    fn allows(&self, numbers: Numbers) -> bool {
        let has_changed = self.before != self.after;
        let own = match numbers {
            Numbers::Dense(features) => features,
            // The queues exist if their features are offered, or if they are negotiated.
            Numbers::Specified if has_changed => self.negotiated,
            Numbers::Specified => self.offered,
        };
        let mut own_queues = self.queues.iter().filter(|queue| exists(queue, own));
        let has_own_queues = own_queues.all(|queue| self.after.may_contain(self.number(numbers, queue)));
        has_own_queues && (has_changed || self.may_stay(numbers))
    }

    /// Returns whether a device that numbers its queues like this can have the same queues before and after the negotiation.
    fn may_stay(&self, numbers: Numbers) -> bool {
        // Before the negotiation, a device that numbers over the negotiated features has the queues of all offered features or
        // of none. If the negotiated ones have other queues, the negotiation changes which queues exist. A device may also keep
        // all queues of the description, whatever is negotiated.
        numbers != Numbers::Dense(self.negotiated)
            || self.same_queues(self.negotiated, self.offered)
            || self.same_queues(self.negotiated, 0)
            || self.has_every_queue()
    }

    /// Returns whether every queue with a fixed index exists by the number of the specification.
    fn has_every_queue(&self) -> bool {
        self.queues.iter().all(|queue| self.after.may_contain(queue.index))
    }

    /// Returns whether the same queues exist with these features.
    #[inline(never)]
    fn same_queues(&self, one: u64, other: u64) -> bool {
        self.queues.iter().all(|queue| exists(queue, one) == exists(queue, other))
    }

    fn number(&self, numbers: Numbers, queue: &QueueSpec) -> u16 {
        match COMPUTED {
            true => numbers.among(queue, self.queues, self.computed),
            false => numbers.of(queue, self.queues),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU16;

    use super::*;

    const INDEXES: u16 = 24;

    fn spec(index: u16, needs: u64) -> QueueSpec {
        QueueSpec { name: "lamp", index, needs }
    }

    /// Returns whether the device has the queue with this index.
    fn has(index: u16, features: u64, queues: &[QueueSpec], computed: &[ComputedQueues]) -> bool {
        let is_in = |range: &ComputedQueues| {
            let step = range.step.map_or(1, NonZeroU16::get);
            index >= range.spec.index && (index - range.spec.index).is_multiple_of(step)
        };
        queues.iter().any(|queue| queue.index == index && exists(queue, features))
            || computed.iter().any(|range| is_in(range) && exists(&range.spec, features))
    }

    /// All pairs of ranges that do not overlap, behind and between two fixed queues: dense numbers have no gaps, are in the order
    /// of the indexes, and each belongs to one queue.
    #[test]
    fn dense_numbers_have_no_gaps() {
        let ranges = || {
            (1..4_u16).flat_map(|step| (1..5_u16).flat_map(move |lowest| [0, 1, 2].map(|needs| (step, lowest, needs))))
        };
        let range = |(step, lowest, needs)| ComputedQueues { spec: spec(lowest, needs), step: NonZeroU16::new(step) };
        let mut checked = 0;
        for (first, second) in ranges().flat_map(|first| ranges().map(move |second| (first, second))) {
            let (queues, computed) = ([spec(0, 4), spec(5, 0)], [range(first), range(second)]);
            let times = |index| {
                let described = queues.iter().filter(|queue| queue.index == index).count();
                described + computed.iter().filter(|range| has(index, u64::MAX, &[], &[**range])).count()
            };
            if (0..INDEXES).any(|index| times(index) > 1) {
                continue;
            }
            for features in 0..8 {
                let existing = (0..INDEXES).filter(|index| has(*index, features, &queues, &computed));
                for (number, index) in (0..).zip(existing) {
                    let found = Numbers::Dense(features).among(&spec(index, 0), &queues, &computed);
                    assert_eq!(found, number, "index {index}, features {features}, {computed:?}");
                    assert_eq!(Numbers::Specified.among(&spec(index, 0), &queues, &computed), index);
                    checked += 1;
                }
            }
        }
        assert!(checked > 1000, "{checked}");
    }
}
