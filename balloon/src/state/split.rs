//! A live balloon whose parts are used by different contexts of a kernel.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use aerostat_transport::{SetupError, Transport};

use super::balloon::Balloon;
use super::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use super::owned::Owned;
use super::ready::{Ready, reports_of};
use crate::core::{Core, StepReports, WaitFn};
use crate::error::BalloonError;
use crate::features::feature::{BlockInflation, FreePageHint, IfDeclared, PageReporting, StatsVq};
use crate::features::{BalloonFeatureSet, Chosen, Platform, declared, if_negotiated, is_declared};
use crate::memory::PrivateBox;
use crate::messages::log_leak;
use crate::ops::{LiveState, sealed};
use crate::parts::{Part, Parts, Shared};
use crate::queues::DeviceState;

/// State: the device is live, and statistics, reporting and hinting have handles.
///
/// The balloon does all that it does in [`Ready`], but it has to be [joined](Handles::join) with its handles before it is
/// frozen or removed, so that none of them is used after that. If handles were dropped, see [`Balloon::unsplit`].
///
/// With [block inflation](BlockInflation), the reporting handle has the queue that blocks enter through: see
/// [`service_with`](Balloon::service_with). If reports of blocks were in flight at the split, call [`service`](Balloon::service) once
/// more after the handle has taken them back.
///
/// Dropping it resets the device like dropping a `Ready` balloon. Handles that still exist return errors from then on, and
/// the memory of their queues and the private memory of the balloon are leaked.
pub struct Split<T: Transport, P: Platform<F>, F: BalloonFeatureSet> {
    parts: ManuallyDrop<PrivateBox<Parts<Chosen<T, P, F>>>>,
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Split<T, P, F> {
    fn into_box(self) -> PrivateBox<Parts<Chosen<T, P, F>>> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, so the parts are taken once.
        unsafe { ManuallyDrop::take(&mut this.parts) }
    }

    fn shared(&self) -> &Shared {
        // SAFETY: the parts are valid, and all contexts only share this field.
        unsafe { &(*self.parts.as_ptr().as_ptr()).shared }
    }

    /// Returns the core, and the address of the parts.
    pub(super) fn core_and_address(&mut self) -> (&mut Core<Chosen<T, P, F>>, NonNull<Parts<Chosen<T, P, F>>>) {
        let parts = self.parts.as_ptr();
        (self.core_mut(), parts)
    }

    /// Returns the blocks of reporting and hinting to the kernel, if the device was reset. Their queues stay until the handles
    /// come back.
    fn return_blocks(&mut self) {
        if is_declared::<F, PageReporting>() || is_declared::<F, FreePageHint>() {
            // SAFETY: the parts are valid, and only the balloon uses this field.
            let blocks = unsafe { (*self.parts.as_ptr().as_ptr()).blocks };
            let core = self.core_mut();
            if core.ended.is_some() {
                for blocks in blocks.into_iter().flatten() {
                    // SAFETY: the device was reset.
                    unsafe { blocks.return_all::<P, F>(&mut core.loose, &mut core.platform) };
                }
            }
        }
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Drop for Split<T, P, F> {
    fn drop(&mut self) {
        if self.shared().has_handles() {
            // If the reset does not finish, the device may still use frames, blocks and queues, which are leaked.
            self.core_mut().request_reset_again();
            if self.end(None).is_err() {
                log_leak();
            }
            return;
        }
        // SAFETY: `drop` runs once, and `into_box` prevents it from running.
        let parts = unsafe { ManuallyDrop::take(&mut self.parts) };
        drop(Owned::new(parts));
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> sealed::Sealed for Split<T, P, F> {}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> LiveState for Split<T, P, F> {
    type Transport = T;
    type Platform = P;
    type Features = F;

    fn core(&self) -> &Core<Chosen<T, P, F>> {
        // SAFETY: the parts are valid, and only the balloon uses this field, which is shared like `self`.
        unsafe { &(*self.parts.as_ptr().as_ptr()).core }
    }

    fn core_mut(&mut self) -> &mut Core<Chosen<T, P, F>> {
        // SAFETY: the parts are valid, and only the balloon uses this field, exclusively like `self`.
        unsafe { &mut (*self.parts.as_ptr().as_ptr()).core }
    }

    fn core_and_reports(&mut self) -> (&mut Core<Chosen<T, P, F>>, StepReports<'_, Chosen<T, P, F>>) {
        let parts = self.parts.as_ptr().as_ptr();
        let is_free = is_declared::<F, BlockInflation>() && !self.shared().has_handle(Part::Reporting);
        // SAFETY: the parts are valid, and only the balloon uses this field, exclusively like `self`.
        let core = unsafe { &mut (*parts).core };
        if !is_free {
            return (core, None);
        }
        // SAFETY: the parts are valid. The handle of this field was dropped, which happened before, and no other one is made for a
        // split balloon, so only the balloon uses the field, exclusively like `self`. It does not overlap the core.
        let reporting = unsafe { &mut (*parts).reporting };
        // SAFETY: as above. The field belongs to that handle too.
        let held = unsafe { &mut (*parts).held };
        (core, reports_of::<F, _, _>(reporting, held))
    }

    fn has_reporting(&self) -> bool {
        !self.shared().has_handle(Part::Reporting)
    }

    fn end(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        self.shared().live.set(DeviceState::Resetting);
        self.core_mut().end(wait)?;
        self.return_blocks();
        self.shared().live.set(DeviceState::NotLive);
        Ok(())
    }

    unsafe fn assume_reset(&mut self) {
        self.shared().live.set(DeviceState::Resetting);
        // SAFETY: by the caller's promise.
        unsafe { self.core_mut().assume_reset() };
        self.core_mut().return_everything();
        self.return_blocks();
        self.shared().live.set(DeviceState::NotLive);
    }

    fn notify_again(&mut self) -> Result<(), BalloonError> {
        let (core, queue) = self.core_and_reports();
        core.notify_again()?;
        if let Some(reports) = queue {
            reports.queue.notify_again();
        }
        Ok(())
    }

    fn stop_handles(&mut self) {
        self.shared().live.set(DeviceState::NotLive);
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Debug for Split<T, P, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("core", self.core()).finish_non_exhaustive()
    }
}

/// All parts of a split balloon. Each can be moved to where it is used, and all have to come back for
/// [`join`](Handles::join). Dropping all parts together returns everything to the kernel, like dropping a `Ready` balloon.
#[must_use = "dropping all parts resets the device and returns all memory to the kernel"]
pub struct Handles<T: Transport, P: Platform<F>, F: BalloonFeatureSet> {
    /// Statistics, if [`StatsVq`] is declared and negotiated.
    pub statistics: IfDeclared<F, StatsVq, StatisticsHandle<T, P, F>>,
    /// Free page reporting, if [`PageReporting`] is declared and negotiated.
    pub reporting: IfDeclared<F, PageReporting, ReportingHandle<T, P, F>>,
    /// Free page hinting, if [`FreePageHint`] is declared and negotiated.
    pub hinting: IfDeclared<F, FreePageHint, HintingHandle<T, P, F>>,
    /// The balloon itself. It is the last field, so that dropping all parts together drops it after its handles.
    pub balloon: Balloon<Split<T, P, F>>,
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Debug for Handles<T, P, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").field("balloon", &self.balloon).finish_non_exhaustive()
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Ready<T, P, F>> {
    /// Splits the balloon, so that different contexts of the kernel can own its parts. The interrupt handle serves all of
    /// them.
    pub fn split(mut self) -> Handles<T, P, F> {
        let parts = self.state.owned.get_mut();
        let has_statistics = parts.core.connection.has(StatsVq);
        let has_reporting = parts.core.connection.has(PageReporting);
        let has_hinting = parts.core.connection.has(FreePageHint);
        parts.blocks = [
            declared::<F, PageReporting, _>(&parts.reporting).map(|queue| queue.blocks()),
            declared::<F, FreePageHint, _>(&parts.hinting).map(|queue| queue.blocks()),
        ];
        let parts = self.state.owned.into_box();
        let at = parts.as_ptr();
        let balloon = Balloon { state: Split { parts: ManuallyDrop::new(parts) } };
        // SAFETY: the balloon, which keeps the parts while a handle exists, uses none of these parts in the state `Split`. No
        // other handle exists, because all handles have to come back before the balloon is `Ready` again.
        let statistics = || unsafe { StatisticsHandle::new(at) };
        // SAFETY: as above.
        let reporting = || unsafe { ReportingHandle::new(at) };
        // SAFETY: as above.
        let hinting = || unsafe { HintingHandle::new(at) };
        Handles {
            balloon,
            statistics: if_negotiated::<F, StatsVq, _>(has_statistics, statistics),
            reporting: if_negotiated::<F, PageReporting, _>(has_reporting, reporting),
            hinting: if_negotiated::<F, FreePageHint, _>(has_hinting, hinting),
        }
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Handles<T, P, F> {
    /// Joins the parts to a whole balloon.
    ///
    /// # Errors
    ///
    /// The parts, if one of them exists and is missing, or belongs to another balloon. A handle that was dropped is not missing.
    pub fn join(self) -> Result<Balloon<Ready<T, P, F>>, Self> {
        if !self.is_complete() {
            return Err(self);
        }
        let Self { balloon, statistics, reporting, hinting } = self;
        drop((statistics, reporting, hinting));
        Ok(balloon.into_whole())
    }

    /// Returns whether every handle that belongs to the balloon is there, and no other.
    fn is_complete(&self) -> bool {
        let at = self.balloon.state.parts.as_ptr();
        let shared = self.balloon.state.shared();
        let is_complete = |is_of: Option<bool>, part| is_of.unwrap_or(!shared.has_handle(part));
        is_complete(declared::<F, StatsVq, _>(&self.statistics).map(|handle| handle.is_of(at)), Part::Statistics)
            && is_complete(
                declared::<F, PageReporting, _>(&self.reporting).map(|handle| handle.is_of(at)),
                Part::Reporting,
            )
            && is_complete(declared::<F, FreePageHint, _>(&self.hinting).map(|handle| handle.is_of(at)), Part::Hinting)
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Split<T, P, F>> {
    /// Makes the balloon whole again after all of its handles were dropped.
    ///
    /// # Errors
    ///
    /// The balloon, if a handle exists.
    pub fn unsplit(self) -> Result<Balloon<Ready<T, P, F>>, Self> {
        if self.state.shared().has_handles() { Err(self) } else { Ok(self.into_whole()) }
    }

    /// Makes the balloon whole again. No handle exists.
    fn into_whole(self) -> Balloon<Ready<T, P, F>> {
        let mut owned = Owned::new(self.state.into_box());
        owned.get_mut().finish_if_ended();
        Balloon { state: Ready { owned } }
    }
}
