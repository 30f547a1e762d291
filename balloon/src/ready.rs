//! A live balloon, whole.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;

use aerostat_spec::{Available, Requirement, RequirementOf};
use aerostat_transport::{Dma, Transport, Wait};

use crate::Balloon;
use crate::declare::{BalloonFeature, BalloonFeatureSet, FreePageHint, PageReporting, StatsVq};
use crate::error::BalloonError;
use crate::handles::{Hinting, Reporting, Stats};
use crate::live::{Core, Leave};
use crate::parts::{Of, Parts, Stop};
use crate::platform::{Frames, HintFrames, ReportFrames};
use crate::service::LiveState;
use crate::statistics::Statistics;
use crate::wait::block;

/// The feature bit behind a declaration.
type Bit<X> = <X as BalloonFeature>::Feature;

/// State: the device is live.
///
/// Dropping it resets the device and gives all frames back to the kernel, as far as the device finishes the reset at
/// once; [`remove`](Balloon::remove) tells the host first, and says what went wrong.
pub struct Ready<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> {
    parts: ManuallyDrop<Parts<T, P, L>>,
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Ready<T, P, L> {
    pub(crate) fn new(parts: Parts<T, P, L>) -> Self {
        Self { parts: ManuallyDrop::new(parts) }
    }

    pub(crate) fn into_parts(self) -> Parts<T, P, L> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped and never used again, so that the parts are taken exactly once.
        unsafe { ManuallyDrop::take(&mut this.parts) }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Drop for Ready<T, P, L> {
    fn drop(&mut self) {
        // SAFETY: `drop` runs once, and `into_parts` prevents it from running after it took the parts.
        let parts = unsafe { ManuallyDrop::take(&mut self.parts) };
        // A device that does not finish its reset keeps what it was lent: giving that to anybody would be unsound.
        let _ = parts.stop(Stop::AtOnce);
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> LiveState for Ready<T, P, L> {
    type Transport = T;
    type Platform = P;
    type FeaturePair = L;

    fn core(&self) -> &Core<T, P, L> {
        &self.parts.core
    }

    fn core_mut(&mut self) -> &mut Core<T, P, L> {
        &mut self.parts.core
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Debug for Ready<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("core", &self.parts.core).finish_non_exhaustive()
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Balloon<Ready<T, P, L>> {
    /// The statistics, at the level that was declared for [`StatsVq`].
    pub fn stats(&mut self) -> Of<L, StatsVq, Stats<'_, T::Notifier, P>>
    where
        P: Statistics,
        RequirementOf<L, StatsVq>: Available<StatsVq>,
    {
        let Parts { core, statistics, .. } = &mut *self.state.parts;
        let platform = &mut core.platform;
        let handle = RequirementOf::<L, StatsVq>::as_mut(statistics);
        RequirementOf::<L, StatsVq>::map(handle, |handle| Stats { handle, platform })
    }

    /// Free page reporting, at the level that was declared for [`PageReporting`].
    pub fn reporting(&mut self) -> Of<L, Bit<PageReporting>, Reporting<'_, T::Notifier, P>>
    where
        P: Dma + ReportFrames,
        RequirementOf<L, Bit<PageReporting>>: Available<Bit<PageReporting>>,
    {
        let Parts { core, reporting, .. } = &mut *self.state.parts;
        let platform = &mut core.platform;
        let handle = RequirementOf::<L, Bit<PageReporting>>::as_mut(reporting);
        RequirementOf::<L, Bit<PageReporting>>::map(handle, |handle| Reporting { handle, platform })
    }

    /// Free page hinting, at the level that was declared for [`FreePageHint`].
    pub fn hinting(&mut self) -> Of<L, Bit<FreePageHint>, Hinting<'_, T::Notifier, T::Config, P>>
    where
        P: Dma + HintFrames,
        RequirementOf<L, Bit<FreePageHint>>: Available<Bit<FreePageHint>>,
    {
        let Parts { core, hinting, .. } = &mut *self.state.parts;
        let platform = &mut core.platform;
        let handle = RequirementOf::<L, Bit<FreePageHint>>::as_mut(hinting);
        RequirementOf::<L, Bit<FreePageHint>>::map(handle, |handle| Hinting { handle, platform })
    }

    /// Lets every frame out, and waits until the host has acknowledged it.
    pub(crate) fn empty(&mut self, wait: &mut impl Wait) -> Result<(), BalloonError> {
        block(self.state.core_mut(), wait, |core| {
            core.reap()?;
            let surplus = core.held().min(u32::MAX.into()) as u32;
            if surplus > 0 && !core.inflating() {
                core.let_out(surplus, Leave::Acknowledged);
            }
            Ok((!core.inflating() && !core.deflating() && core.held() == 0).then_some(()))
        })
    }
}
