//! A live balloon whose parts different contexts of a kernel own.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;

use aerostat_spec::balloon::feature;
use aerostat_spec::{Requirement, RequirementOf};
use aerostat_transport::{Dma, Transport};

use crate::Balloon;
use crate::blocks::Blocks;
use crate::declare::{BalloonFeatureSet, StatsVq};
use crate::live::Core;
use crate::parts::{HintingOf, Parts, ReportingOf, StatisticsOf, Stop};
use crate::platform::Frames;
use crate::ready::Ready;
use crate::service::LiveState;
use crate::start::release_blocks;

/// State: the device is live, and its handles for statistics, reporting and hinting are elsewhere.
///
/// The balloon proper does all that it does in [`Ready`], but to be frozen or removed it has to be
/// [joined](Handles::join) with its handles again: none of them can go on after that.
///
/// Dropping it resets the device like dropping a `Ready` balloon. Handles that are still there are of no use from then on,
/// and the memory of their queues is not given back.
pub struct Split<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> {
    core: ManuallyDrop<Core<T, P, L>>,
    books: [Option<Blocks>; 3],
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Split<T, P, L> {
    fn into_core(self) -> Core<T, P, L> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped and never used again, so that the core is taken exactly once.
        unsafe { ManuallyDrop::take(&mut this.core) }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Drop for Split<T, P, L> {
    fn drop(&mut self) {
        for book in self.books.into_iter().flatten() {
            book.close();
        }
        // SAFETY: `drop` runs once, and `into_core` prevents it from running after it took the core.
        let core = unsafe { ManuallyDrop::take(&mut self.core) };
        // Where the reset does not finish, the device keeps what it was lent, blocks too.
        if let Ok(mut stopped) = core.stop(Stop::AtOnce) {
            for book in self.books.into_iter().flatten() {
                release_blocks(book, &mut stopped.platform, stopped.poison);
            }
        }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> LiveState for Split<T, P, L> {
    type Transport = T;
    type Platform = P;
    type FeaturePair = L;

    fn core(&self) -> &Core<T, P, L> {
        &self.core
    }

    fn core_mut(&mut self) -> &mut Core<T, P, L> {
        &mut self.core
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Debug for Split<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("core", &*self.core).finish_non_exhaustive()
    }
}

/// All parts of a live balloon. Each can be moved where it is used, and all have to come back for
/// [`join`](Handles::join).
pub struct Handles<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> {
    /// The balloon proper.
    pub balloon: Balloon<Split<T, P, L>>,
    /// Statistics, at the level that was declared for [`StatsVq`].
    pub statistics: StatisticsOf<T, L>,
    /// Free page reporting, at the level that was declared for [`PageReporting`](crate::PageReporting).
    pub reporting: ReportingOf<T, P, L>,
    /// Free page hinting, at the level that was declared for [`FreePageHint`](crate::FreePageHint).
    pub hinting: HintingOf<T, P, L>,
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Balloon<Ready<T, P, L>> {
    /// Takes the balloon apart, so that different contexts of the kernel can own its parts. The interrupt handle serves
    /// all of them.
    pub fn split(self) -> Handles<T, P, L> {
        let parts = self.state.into_parts();
        let books = parts.books();
        let Parts { core, statistics, reporting, hinting } = parts;
        let balloon = Balloon { state: Split { core: ManuallyDrop::new(core), books } };
        Handles { balloon, statistics, reporting, hinting }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Handles<T, P, L> {
    /// Puts the balloon together again.
    ///
    /// # Errors
    ///
    /// The parts, where one of them does not belong to this life of this balloon, or is missing though it exists.
    pub fn join(self) -> Result<Balloon<Ready<T, P, L>>, Self> {
        if !self.is_whole() {
            return Err(self);
        }
        let Self { balloon, statistics, reporting, hinting } = self;
        let core = balloon.state.into_core();
        Ok(Balloon { state: Ready::new(Parts { core, statistics, reporting, hinting }) })
    }

    fn is_whole(&self) -> bool {
        let device = &self.balloon.state.core().device;
        let accepted = device.accepted();
        let statistics = RequirementOf::<L, StatsVq>::get(&self.statistics).map(|handle| handle.queue.is_of(device));
        let reporting =
            RequirementOf::<L, feature::PageReporting>::get(&self.reporting).map(|handle| handle.queue.is_of(device));
        let hinting =
            RequirementOf::<L, feature::FreePageHint>::get(&self.hinting).map(|handle| handle.queue.is_of(device));
        belongs(accepted.has(StatsVq), statistics)
            && belongs(accepted.has(feature::PageReporting), reporting)
            && belongs(accepted.has(feature::FreePageHint), hinting)
    }
}

/// Whether a handle is there if and only if its feature was negotiated, and is of the balloon's device.
fn belongs(negotiated: bool, is_of: Option<bool>) -> bool {
    is_of.map_or(!negotiated, |is_of| is_of)
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Debug for Handles<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").field("balloon", &self.balloon).finish_non_exhaustive()
    }
}
