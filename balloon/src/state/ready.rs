//! A live balloon with all its parts.

use core::fmt::{self, Debug, Formatter};

use aerostat_spec::{Available, Feature, HasFeature, RequirementOf};
use aerostat_transport::{InterruptStatus, SetupError, Transport, Wait};

use super::balloon::Balloon;
use super::owned::Owned;
use crate::core::{Core, ReleaseWhen, Reports, StepReports, WaitFn};
use crate::error::BalloonError;
use crate::features::feature::{BlockInflation, FreePageHint, IfDeclared, PageReporting, StatsVq};
use crate::features::{BalloonFeatureSet, Chosen, Platform, Types, declared_mut, result_of};
use crate::ops::{LiveState, block_on, sealed};
use crate::parts::{Parts, QueueNumbers};
use crate::queues::{HeldReports, Progress, ReportingQueue, StatsRequest};

/// State: the device is live.
///
/// Dropping it resets the device and returns all frames to the kernel, if the device finishes the reset at once;
/// [`remove`](Balloon::remove) tells the host first and reports errors. The drop does at most 3 register accesses.
pub struct Ready<T: Transport, P: Platform<F>, F: BalloonFeatureSet> {
    pub(super) owned: Owned<Chosen<T, P, F>>,
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Debug for Ready<T, P, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("parts", &self.owned).finish()
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> sealed::Sealed for Ready<T, P, F> {}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> LiveState for Ready<T, P, F> {
    type Transport = T;
    type Platform = P;
    type Features = F;

    fn core(&self) -> &Core<Chosen<T, P, F>> {
        &self.owned.get().core
    }

    fn core_mut(&mut self) -> &mut Core<Chosen<T, P, F>> {
        &mut self.owned.get_mut().core
    }

    #[inline]
    fn core_and_reports(&mut self) -> (&mut Core<Chosen<T, P, F>>, StepReports<'_, Chosen<T, P, F>>) {
        let Parts { core, reporting, held, .. } = self.owned.get_mut();
        (core, reports_of::<F, _, _>(reporting, held))
    }

    fn has_reporting(&self) -> bool {
        true
    }

    fn end(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        self.owned.get_mut().end(wait)
    }

    unsafe fn assume_reset(&mut self) {
        // SAFETY: by the caller's promise.
        unsafe { self.owned.get_mut().assume_reset() };
    }

    fn notify_again(&mut self) -> Result<(), BalloonError> {
        self.owned.get_mut().notify_again()
    }

    fn stop_handles(&mut self) {}
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Ready<T, P, F>> {
    /// Answers the host if it has requested statistics. Call it after an interrupt, but not in the interrupt handler.
    /// It does at most two register accesses: one of the status, and the notification.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn service_statistics(&mut self) -> Result<IfDeclared<F, StatsVq, StatsRequest>, BalloonError>
    where
        RequirementOf<F, StatsVq>: Available<StatsVq>,
    {
        let Parts { core, statistics, shared, .. } = self.state.owned.get_mut();
        service_if_negotiated(core, statistics, StatsVq, |queue, platform| {
            queue.service(&shared.live, |sample| platform.sample_statistics(sample))
        })
    }

    /// Makes one bounded step of free page reporting and never waits: reclaims the blocks that the host has handled, and
    /// reports more.
    ///
    /// Call it some time after the kernel has freed memory, because much of it is allocated again soon, and after an
    /// interrupt while it returns [`Progress::Waiting`]. It does at most two register accesses: one of the status, and the
    /// notification.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Blocks that the device has stay with it.
    pub fn service_reporting(&mut self) -> Result<IfDeclared<F, PageReporting, Progress>, BalloonError>
    where
        RequirementOf<F, PageReporting>: Available<PageReporting>,
    {
        let Parts { core, reporting, held, shared, .. } = self.state.owned.get_mut();
        let held = declared_mut::<F, BlockInflation, _>(held);
        service_if_negotiated(core, reporting, PageReporting, |queue, platform| {
            queue.service::<P, F>(held, platform, &shared.live)
        })
    }

    /// Makes one bounded step of free page hinting and never waits: follows the command id of the host, hints blocks while a
    /// round is open, and returns all blocks to the kernel when the host is done.
    ///
    /// Call it after every interrupt with its status, and once at the start with [`InterruptStatus::ANY`]. The command id is
    /// read only when the configuration has changed, because some hosts replace it by STOP while a round is open. Where one
    /// vector serves queues and configuration, a round may therefore end early.
    ///
    /// It does at most 131 register accesses: one of the status, 129 of the command id, if the configuration has changed, and one
    /// notification. It does at most 5 while the host does not change the configuration.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Blocks that the device has stay with it.
    pub fn service_hinting(
        &mut self,
        status: InterruptStatus,
    ) -> Result<IfDeclared<F, FreePageHint, Progress>, BalloonError>
    where
        RequirementOf<F, FreePageHint>: Available<FreePageHint>,
    {
        let Parts { core, hinting, shared, .. } = self.state.owned.get_mut();
        service_if_negotiated(core, hinting, FreePageHint, |queue, platform| {
            queue.service::<P, F>(platform, &shared.live, status)
        })
    }

    /// Takes hinted blocks back from the host before it is done, because the kernel is short of memory: at least `frames` frames
    /// if there are as many. Returns the number of frames that went back to the kernel, by
    /// [`Frames::deallocate`](crate::Frames::deallocate). Call it in the path in which the kernel would otherwise kill a process; it
    /// allocates nothing.
    ///
    /// An open round is ended first, because the driver would hint the same blocks again. Blocks whose buffers the device has not
    /// returned stay with it. The others are first [written](crate::platform::HintFrames::initialize), so that the host copies
    /// them. A call searches a bounded part of the block bitmap, 512 GiB of blocks of the default size, and the next call
    /// continues there.
    ///
    /// It does at most two register accesses: one of the status, and the notification.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Blocks that the device has stay with it.
    pub fn reclaim_hinted(&mut self, frames: u32) -> Result<IfDeclared<F, FreePageHint, u32>, BalloonError>
    where
        RequirementOf<F, FreePageHint>: Available<FreePageHint>,
    {
        let Parts { core, hinting, shared, .. } = self.state.owned.get_mut();
        service_if_negotiated(core, hinting, FreePageHint, |queue, platform| {
            queue.reclaim::<P, F>(platform, &shared.live, frames)
        })
    }

    /// Returns the numbers of the queues on the device.
    pub fn queue_numbers(&self) -> QueueNumbers {
        self.state.owned.get().queue_numbers()
    }

    /// Returns every frame to the kernel, and waits until the host has acknowledged it.
    pub(super) fn empty(&mut self, wait: &mut impl Wait) -> Result<(), BalloonError> {
        let (core, mut queue) = self.state.core_and_reports();
        block_on(core, wait, |core| {
            core.reclaim_blocks(&mut queue)?;
            core.reap()?;
            let surplus = core.held().min(u32::MAX.into()) as u32;
            if surplus > 0 && !core.inflate.is_busy() {
                core.deflate_by(surplus, ReleaseWhen::Acknowledged);
                core.write_actual_of_blocks()?;
            }
            let is_empty = !core.inflate.is_busy() && !core.deflate.is_busy() && core.held() == 0;
            Ok(if is_empty { core::task::Poll::Ready(()) } else { core::task::Poll::Pending })
        })
    }
}

/// Returns the result of `service` for a queue, if the feature of the queue was negotiated with the live device.
#[inline]
fn service_if_negotiated<C: Types, X: Feature, Q, R>(
    core: &mut Core<C>,
    queue: &mut IfDeclared<C::Features, X, Q>,
    feature: X,
    service: impl FnOnce(&mut Q, &mut C::Platform) -> Result<R, BalloonError>,
) -> Result<IfDeclared<C::Features, X, R>, BalloonError>
where
    C::Features: HasFeature<X>,
{
    core.connection.live()?;
    let queue = declared_mut::<C::Features, X, _>(queue).filter(|_| core.connection.has(feature));
    let result = queue.map(|queue| service(queue, &mut core.platform)).transpose()?;
    result_of::<C::Features, X, _>(result).ok_or(BalloonError::NotLive)
}

/// Returns the reporting queue and the reports of block inflation, if both are declared.
#[inline]
pub(super) fn reports_of<'a, F: BalloonFeatureSet, N, C>(
    reporting: &'a mut IfDeclared<F, PageReporting, ReportingQueue<N, C>>,
    held: &'a mut IfDeclared<F, BlockInflation, HeldReports>,
) -> Option<Reports<'a, N, C>> {
    let held = declared_mut::<F, BlockInflation, _>(held)?;
    Some(Reports { queue: declared_mut::<F, PageReporting, _>(reporting)?, held })
}
