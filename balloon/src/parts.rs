//! All parts of a live balloon together, and how they end.

use aerostat_spec::balloon::feature;
use aerostat_spec::{Requirement, RequirementOf};
use aerostat_transport::{Dma, SetupError, Transport};

use crate::blocks::Blocks;
use crate::declare::{BalloonFeatureSet, Options, StatsVq};
use crate::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use crate::live::{Core, Stopped};
use crate::platform::Frames;
use crate::start::{release_hinting, release_reporting, release_statistics};

/// What depends on the feature `F` under the declaration `L`: see [`Requirement::Value`].
pub type Of<L, F, X> = <RequirementOf<L, F> as Requirement>::Value<X>;
/// The handle for statistics, at its level.
pub type StatisticsOf<T, L> = Of<L, StatsVq, StatisticsHandle<<T as Transport>::Notifier>>;
/// The handle for reporting, at its level.
pub type ReportingOf<T, P, L> = Of<L, feature::PageReporting, ReportingHandle<<T as Transport>::Notifier, P>>;
/// The handle for hinting, at its level.
pub type HintingOf<T, P, L> =
    Of<L, feature::FreePageHint, HintingHandle<<T as Transport>::Notifier, <T as Transport>::Config, P>>;

/// Whether to wait for the end of a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Wait, within a limit.
    Waiting,
    /// Look only once.
    AtOnce,
}

/// A live balloon with everything that belongs to it.
pub(crate) struct Parts<T: Transport, P, L: BalloonFeatureSet> {
    pub(crate) core: Core<T, P, L>,
    pub(crate) statistics: StatisticsOf<T, L>,
    pub(crate) reporting: ReportingOf<T, P, L>,
    pub(crate) hinting: HintingOf<T, P, L>,
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Parts<T, P, L> {
    /// The books of what is lent, by which handles know whether the device is live.
    pub(crate) fn books(&self) -> [Option<Blocks>; 3] {
        let statistics = RequirementOf::<L, StatsVq>::get(&self.statistics);
        let reporting = RequirementOf::<L, feature::PageReporting>::get(&self.reporting);
        let hinting = RequirementOf::<L, feature::FreePageHint>::get(&self.hinting);
        [
            statistics.map(|handle| handle.queue.book()),
            reporting.map(|handle| handle.queue.book()),
            hinting.map(|handle| handle.queue.book()),
        ]
    }

    /// Resets the device. Every frame that is still with it goes back to the kernel, with undefined contents.
    ///
    /// # Errors
    ///
    /// The balloon, of which only this is left to be done, and why the reset did not finish.
    pub(crate) fn stop(mut self, stop: Stop) -> Result<(T, P, Options<P>), (Self, SetupError)> {
        self.silence();
        let Stopped { transport, mut platform, options, poison, proof } = match self.core.stop(stop) {
            Ok(stopped) => stopped,
            Err((core, error)) => {
                self.core = core;
                return Err((self, error));
            }
        };
        if let Some(statistics) = RequirementOf::<L, StatsVq>::into_option(self.statistics) {
            release_statistics(statistics.queue, &proof, &mut platform);
        }
        if let Some(reporting) = RequirementOf::<L, feature::PageReporting>::into_option(self.reporting) {
            release_reporting(reporting.queue, &proof, &mut platform, poison);
        }
        if let Some(hinting) = RequirementOf::<L, feature::FreePageHint>::into_option(self.hinting) {
            release_hinting(hinting.queue, &proof, &mut platform, poison);
        }
        Ok((transport, platform, options))
    }

    /// Ends the use of all handles.
    #[inline(never)]
    fn silence(&mut self) {
        if let Some(statistics) = RequirementOf::<L, StatsVq>::get_mut(&mut self.statistics) {
            statistics.queue.silence();
        }
        if let Some(reporting) = RequirementOf::<L, feature::PageReporting>::get_mut(&mut self.reporting) {
            reporting.queue.silence();
        }
        if let Some(hinting) = RequirementOf::<L, feature::FreePageHint>::get_mut(&mut self.hinting) {
            hinting.queue.silence();
        }
    }
}
