//! A split balloon with its handles.

use aerostat_balloon::feature::{FreePageHint, PageReporting, StatsVq};
use aerostat_balloon::handles::{HintingHandle, Progress, ReportingHandle, StatisticsHandle};
use aerostat_balloon::spec::{Requirement, RequirementOf};
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{Balloon, BalloonError, FrameSize, Platform, Split};
use aerostat_device::{TestPlatform, features};

use crate::common::{Bus, Live};
use crate::declarations::Declaration;
use crate::moves::Part;

type SplitBalloon<S, F> = Balloon<Split<Bus, TestPlatform<S>, F>>;

/// A split balloon.
pub(super) struct Parts<S: FrameSize, F: Declaration>
where
    TestPlatform<S>: Platform<F>,
{
    pub(super) balloon: SplitBalloon<S, F>,
    pub(super) handles: Handles<S, F>,
}

/// The handles of a split balloon. Each exists if its feature was negotiated, until it is dropped.
pub(super) struct Handles<S: FrameSize, F: Declaration>
where
    TestPlatform<S>: Platform<F>,
{
    statistics: Option<StatisticsHandle<Bus, TestPlatform<S>, F>>,
    reporting: Option<ReportingHandle<Bus, TestPlatform<S>, F>>,
    hinting: Option<HintingHandle<Bus, TestPlatform<S>, F>>,
}

impl<S: FrameSize, F: Declaration> Parts<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    pub(super) fn split(balloon: Live<S, F>) -> Self {
        Self::of(balloon.split())
    }

    fn of(handles: aerostat_balloon::Handles<Bus, TestPlatform<S>, F>) -> Self {
        Self {
            balloon: handles.balloon,
            handles: Handles {
                statistics: RequirementOf::<F, StatsVq>::into_option(handles.statistics),
                reporting: RequirementOf::<F, PageReporting>::into_option(handles.reporting),
                hinting: RequirementOf::<F, FreePageHint>::into_option(handles.hinting),
            },
        }
    }

    pub(super) fn join(self) -> Result<Live<S, F>, Self> {
        if self.handles.lack_required() {
            return Err(self);
        }
        let Self { balloon, handles: Handles { statistics, reporting, hinting } } = self;
        let statistics = RequirementOf::<F, StatsVq>::from_option(statistics);
        let reporting = RequirementOf::<F, PageReporting>::from_option(reporting);
        let hinting = RequirementOf::<F, FreePageHint>::from_option(hinting);
        let (Some(statistics), Some(reporting), Some(hinting)) = (statistics, reporting, hinting) else {
            panic!("no required handle is missing")
        };
        aerostat_balloon::Handles { balloon, statistics, reporting, hinting }.join().map_err(Self::of)
    }

    pub(super) fn notify_again(&mut self) {
        let _ = self.balloon.notify_again();
        let Handles { statistics, reporting, hinting } = &mut self.handles;
        // An abandoned balloon and its handles return errors.
        let _ = statistics.as_mut().map(StatisticsHandle::notify_again);
        let _ = reporting.as_mut().map(ReportingHandle::notify_again);
        let _ = hinting.as_mut().map(HintingHandle::notify_again);
    }
}

impl<S: FrameSize, F: Declaration> Handles<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    /// Returns the reporting handle, if it exists.
    pub(super) fn reporting(&mut self) -> Option<&mut ReportingHandle<Bus, TestPlatform<S>, F>> {
        self.reporting.as_mut()
    }

    /// Services a part, if it has a handle.
    pub(super) fn service(
        &mut self,
        part: Part,
        kernel: &mut TestPlatform<S>,
        status: InterruptStatus,
    ) -> Result<Option<Progress>, BalloonError> {
        match part {
            // Statistics need no further step.
            Part::Statistics => {
                let request = self.statistics.as_mut().map(|handle| handle.service(kernel));
                Ok(request.transpose()?.map(|_| Progress::Idle))
            }
            Part::Reporting => self.reporting.as_mut().map(|handle| handle.service(kernel)).transpose(),
            Part::Hinting => self.hinting.as_mut().map(|handle| handle.service(kernel, status)).transpose(),
        }
    }

    /// Services each handle, and returns the errors.
    pub(super) fn errors(&mut self, kernel: &mut TestPlatform<S>) -> Vec<BalloonError> {
        Part::ALL.into_iter().filter_map(|part| self.service(part, kernel, InterruptStatus::ANY).err()).collect()
    }

    /// Takes hinted frames back.
    pub(super) fn reclaim(&mut self, kernel: &mut TestPlatform<S>, frames: u32) -> Result<(), BalloonError> {
        let reclaimed = self.hinting.as_mut().map(|handle| handle.reclaim_hinted(kernel, frames));
        reclaimed.transpose().map(drop)
    }

    /// Drops the handle of a part. Returns whether it existed.
    pub(super) fn drop_one(&mut self, part: Part) -> bool {
        match part {
            Part::Statistics => self.statistics.take().is_some(),
            Part::Reporting => self.reporting.take().is_some(),
            Part::Hinting => self.hinting.take().is_some(),
        }
    }

    pub(super) fn count(&self) -> usize {
        let exist = [self.statistics.is_some(), self.reporting.is_some(), self.hinting.is_some()];
        exist.into_iter().filter(|exists| *exists).count()
    }

    fn lack_required(&self) -> bool {
        let is_missing = |feature: u64, exists: bool| F::REQUIRED & feature != 0 && !exists;
        is_missing(features::STATS_VQ, self.statistics.is_some())
            || is_missing(features::PAGE_REPORTING, self.reporting.is_some())
            || is_missing(features::FREE_PAGE_HINT, self.hinting.is_some())
    }
}
