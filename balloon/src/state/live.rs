//! What a balloon does while its device is live.

use core::mem::ManuallyDrop;
use core::task::Poll;

use aerostat_spec::{Accepted, Available, RequirementOf};
use aerostat_transport::{SetupError, Transport, Wait};

use super::balloon::Balloon;
use crate::core::{Core, StepReports};
use crate::error::{BalloonError, Rejected};
use crate::features::feature::{DeflateOnOom, IfDeclared};
use crate::features::{SizeOf, Types, if_negotiated};
use crate::ops::{
    Inflate, Inflation, Limit, LiveState, Migrate, Migration, Operation, Pause, PendingDeflation, Step, step_toward,
};
use crate::platform::Frames;
use crate::units::{FrameRun, Pages};

type Interrupt<S> = <<S as LiveState>::Transport as Transport>::Interrupt;
type Size<S> = <<S as LiveState>::Platform as Frames>::Size;

// The bound is on each of these methods, because the compiler then prints the advice of `LiveState` for other states. It does
// not do so for methods with associated types of the state in their signatures.
impl<S> Balloon<S> {
    /// Makes one bounded step toward the target and never waits: reclaims the arrays that the device has used, writes
    /// `actual`, reads the target, and sends arrays while there is room.
    ///
    /// Call it once after [`probe`](Balloon::probe), and again as the returned [`Step`] says, from a work queue and not from
    /// the interrupt handler. Each step reads the target again.
    ///
    /// A step does at most 132 register accesses: one of the status, one of `actual`, 129 of the target (up to 64 attempts
    /// to read it between equal generation counts), and one notification. It does at most 6 while the host does not change
    /// the configuration. [Block inflation](crate::feature::BlockInflation) adds at most one: the notification of its reports, or
    /// `actual` after blocks went back.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. When the device has to be reset, call [`Balloon::reset`], or [`Balloon::abandon`] for a split balloon.
    // conformance: construct pci.irq.2, pci.irq.3, pci.irq.4, pci.irq.5, mmio.irq.2: each call checks both page
    // queues and reads `num_pages`, whatever the interrupt was for
    pub fn service(&mut self) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        let (core, queue) = self.state.core_and_reports();
        service(core, queue)
    }

    /// Makes a step like [`service`](Balloon::service) after the pause of [`Step::Paused`], with the same limit of register
    /// accesses. If the balloon now pauses for another reason, the step returns the new pause.
    ///
    /// # Errors
    ///
    /// As for [`Balloon::service`].
    pub fn retry(&mut self, pause: Pause) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        self.state.core_mut().backoff.end(pause.round);
        self.service()
    }

    /// Makes one bounded step toward an empty balloon, independently of the target. It does at most 3 register accesses, and one more
    /// with [block inflation](crate::feature::BlockInflation).
    ///
    /// After the pause of [`PauseReason::BlocksLeft`](crate::ops::PauseReason::BlocksLeft) call it again: [`retry`](Balloon::retry)
    /// follows the target.
    ///
    /// # Errors
    ///
    /// As for [`Balloon::service`].
    pub fn drain(&mut self) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        let (core, mut queue) = self.state.core_and_reports();
        core.reclaim_blocks(&mut queue)?;
        core.reap()?;
        step_toward(core, queue, 0)
    }

    /// Returns the size of the balloon that the device has acknowledged.
    pub fn size(&self) -> Pages
    where
        S: LiveState,
    {
        self.state.core().size()
    }

    /// Checks the device, and reads the size that the host wants the balloon to have. It may exceed the memory of the guest.
    ///
    /// It does at most 130 register accesses: one of the status, and 129 of the target. It does at most 4 while the host does not
    /// change the configuration.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`] if the device does not work, or the configuration space cannot be read.
    pub fn target(&self) -> Result<Pages, BalloonError>
    where
        S: LiveState,
    {
        let core = self.state.core();
        core.check()?;
        core.target()
    }

    /// Returns whether a frame is in the balloon, so that a crash dump or the removal of memory does not access it. A frame is in
    /// the balloon from before the host is told about it until it goes back to the kernel. Blocks that were reported or hinted
    /// are not in the balloon, except those of [block inflation](crate::feature::BlockInflation).
    pub fn contains(&self, frame: u64) -> bool
    where
        S: LiveState,
    {
        self.state.core().bitmap.contains(frame)
    }

    /// Returns the number of arrays of page numbers, and of blocks of [block inflation](crate::feature::BlockInflation), that the
    /// device has. If it is not 0 and [`Balloon::progress`] does not change, the device does not answer. The
    /// [handles](crate::handles) of a split balloon have the same two methods for their queues.
    pub fn in_flight(&self) -> usize
    where
        S: LiveState,
    {
        self.state.core().in_flight()
    }

    /// Returns a number that changes when the device returns an array of page numbers or a report of blocks. It wraps.
    pub fn progress(&self) -> u32
    where
        S: LiveState,
    {
        self.state.core().counters.acknowledged
    }

    /// Notifies the device again of all buffers that it has, for a device that does not return them: a notification may be lost.
    /// A device that missed nothing ignores it. The queues of handles have methods of their own. It reads the status, and does at
    /// most one more register access for each queue.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`], [`BalloonError::NotLive`].
    pub fn notify_again(&mut self) -> Result<(), BalloonError>
    where
        S: LiveState,
    {
        self.state.notify_again()
    }

    /// Resets the device without telling the host about the frames in the balloon, like [`Balloon::reset`], but in place and also
    /// for a split balloon. All frames and blocks go back to the kernel, with undefined contents, or with the poison value if it
    /// was negotiated.
    ///
    /// From here on every operation returns [`BalloonError::NotLive`], also that of a handle, until the balloon is
    /// [frozen](Balloon::freeze) and [restored](Balloon::restore), a split one after [`Handles::join`](crate::Handles::join).
    ///
    /// It waits for the end of the reset through `wait`. [`Balloon::poll_abandon`] does not wait. Before, between and after the calls
    /// of `wait` it does at most 3 register accesses, and on PCI 2 accesses of the configuration space.
    ///
    /// # Errors
    ///
    /// * [`BalloonError::Reset`] if the device does not finish its reset: it may then still use the frames and queues. Repeat the
    ///   call. Until then, other operations return [`DeviceError::Resetting`](aerostat_transport::DeviceError::Resetting).
    /// * [`DeviceError::Gone`](aerostat_transport::DeviceError::Gone) if the device is gone, see [`Balloon::assume_gone`].
    /// * [`BalloonError::TransportLost`] after a panic of the transport.
    pub fn abandon(&mut self, wait: &mut impl Wait) -> Result<(), BalloonError>
    where
        S: LiveState,
    {
        self.state.end(Some(&mut |attempt| wait.wait(attempt))).map_err(BalloonError::of_reset)?;
        self.state.core().idle()
    }

    /// Requests the reset of [`Balloon::abandon`] in the first call, and reads the status once in each. Returns `Ready` when the
    /// balloon is abandoned. A call does at most 2 register accesses, and on PCI 2 accesses of the configuration space.
    ///
    /// If the reset has not finished, the second call requests it again, because the device may have refused the first request. So do
    /// later calls, after twice as many calls each time.
    ///
    /// Some devices never reset, see the page "When something goes wrong" of the book. `Pending` does not show that:
    /// [`Balloon::abandon`] with a `wait` that breaks at once does not wait either, and returns the status in its error.
    ///
    /// # Errors
    ///
    /// As for [`Balloon::abandon`], except [`BalloonError::Reset`].
    pub fn poll_abandon(&mut self) -> Result<Poll<()>, BalloonError>
    where
        S: LiveState,
    {
        match self.state.end(None) {
            Ok(()) => self.state.core().idle().map(Poll::Ready),
            Err(SetupError::ResetUnfinished { .. }) => Ok(Poll::Pending),
            Err(error) => Err(BalloonError::of_reset(error)),
        }
    }

    /// Returns all frames, blocks and queues to the kernel without a reset, for a device that can no longer access memory: it was
    /// removed, or it refuses its reset and was cut off. The balloon is abandoned then, see [`Balloon::abandon`].
    ///
    /// It does at most one register access, which requests a reset, and on PCI 2 accesses of the configuration space.
    ///
    /// # Errors
    ///
    /// [`BalloonError::TransportLost`] after a panic of the transport.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more: its slot has no power, its bus mastering was switched off and its accesses have
    /// ended, or the IOMMU blocks it.
    pub unsafe fn assume_gone(&mut self) -> Result<(), BalloonError>
    where
        S: LiveState,
    {
        // SAFETY: by the caller's promise.
        unsafe { self.state.assume_reset() };
        self.state.core().idle()
    }

    /// Resets the device before the machine is switched off, and accesses and returns no frame: every other exit fills each frame
    /// of the balloon where the poison value was negotiated, and the host would have to supply memory for all of them. Everything
    /// that the balloon had is leaked. It does as many register accesses as [`Balloon::abandon`].
    ///
    /// Before another kernel is started on the same machine, use [`Balloon::freeze`].
    ///
    /// # Errors
    ///
    /// The device may not be reset, and everything is leaked as well: [`BalloonError::Reset`],
    /// [`DeviceError::Gone`](aerostat_transport::DeviceError::Gone), or [`BalloonError::TransportLost`].
    pub fn power_off(self, wait: &mut impl Wait) -> Result<(), BalloonError>
    where
        S: LiveState,
    {
        // Everything stays where it is, because handles may exist and the device may not finish its reset.
        let mut this = ManuallyDrop::new(self);
        this.state.stop_handles();
        this.state.core_mut().stop(&mut |attempt| wait.wait(attempt))
    }

    /// Returns the number of frames that were [migrated](Balloon::migrate) since the balloon was created.
    pub fn migrated(&self) -> u64
    where
        S: LiveState,
    {
        self.state.core().counters.migrated
    }
}

impl<S: LiveState> Balloon<S> {
    /// Starts to inflate the balloon by `frames` frames from the kernel, but not beyond the target.
    ///
    /// It does at most 130 register accesses, like [`target`](Balloon::target), and [`Operation::poll`] at most 132.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn inflate(&mut self, frames: u32) -> Result<Inflation<'_, S>, BalloonError> {
        let core = self.state.core_mut();
        core.check()?;
        let missing = core.missing()?.min(frames.into());
        Ok(Operation::new(core, Inflate::new(missing as u32)))
    }

    /// Inflates the balloon by frames that the kernel chose itself, without waiting for the device.
    ///
    /// It does at most 132 register accesses, like [`service`](Balloon::service), and at most 6 while the host does not change the
    /// configuration.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the frames that the balloon did not take, and the reason.
    pub fn inflate_with(&mut self, run: FrameRun<Size<S>>) -> Result<(), Rejected<FrameRun<Size<S>>>> {
        let core = self.state.core_mut();
        let error = match core.keeping(&run, |core| core.reap().and_then(|()| core.missing())) {
            Err(error) => Some(error),
            Ok(_) if core.deflate.is_busy() => Some(BalloonError::Busy),
            Ok(missing) => (u64::from(run.count()) > missing).then_some(BalloonError::BeyondTarget),
        };
        match error {
            Some(error) => Err(Rejected { run: Some(run), error }),
            None => core.inflate_with(run),
        }
    }

    /// Picks up to `frames` frames of the balloon to go back to the kernel, but not below the target.
    ///
    /// They stay in the balloon until [`PendingDeflation::tell_host`].
    ///
    /// It does at most 130 register accesses, like [`target`](Balloon::target), one more with
    /// [block inflation](crate::feature::BlockInflation), and [`Operation::poll`] at most 132.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn deflate(&mut self, frames: u32) -> Result<PendingDeflation<'_, S>, BalloonError> {
        let (core, mut queue) = self.state.core_and_reports();
        core.check()?;
        core.take_back_blocks(&mut queue)?;
        let surplus = core.surplus()?.min(core.deflatable()).min(frames.into());
        Ok(PendingDeflation::new(core, surplus as u32, Limit::Target))
    }

    /// Deflates by the configured number of pages, even below the target, without allocating: for a kernel that is out of
    /// memory. The number is [`Options::oom_pages`](crate::Options::oom_pages).
    ///
    /// From here on [`service`](Balloon::service) does not inflate the balloon until the pause is over that it returns, see
    /// [`Options::oom_backoff`](crate::Options::oom_backoff). Otherwise the host would get the same pages again.
    ///
    /// Where the feature is optional and the device does not offer it, the balloon may not be deflated below the target:
    /// `None`.
    ///
    /// Blocks of [block inflation](crate::feature::BlockInflation) that the device has not acknowledged are not among them. If there
    /// is nothing else, the number is 0: call it again after the next interrupt while [`in_flight`](Balloon::in_flight) is not 0.
    ///
    /// It does no register access, except one of `actual` with block inflation, and [`Operation::poll`] at most 3.
    pub fn deflate_on_oom(&mut self) -> IfDeclared<S::Features, DeflateOnOom, PendingDeflation<'_, S>>
    where
        RequirementOf<S::Features, DeflateOnOom>: Available<DeflateOnOom>,
    {
        let (core, mut queue) = self.state.core_and_reports();
        let is_negotiated = core.connection.has(DeflateOnOom);
        // The next step returns the error.
        let _ = core.take_back_blocks(&mut queue);
        if_negotiated::<S::Features, DeflateOnOom, _>(is_negotiated, || {
            core.backoff.start();
            let frames = core.deflatable().min(Pages(core.options.oom_pages).frames::<Size<S>>().into());
            log_at!(info, "balloon: deflating by {frames} frames, because the kernel is out of memory");
            PendingDeflation::new(core, frames as u32, Limit::Empty)
        })
    }

    /// Starts to replace the ballooned frame `old` with the one frame of `new`, because the kernel needs `old` for compaction.
    /// The frame comes back through [`Frames::deallocate`].
    ///
    /// It does at most 3 register accesses: one of the status, one of `actual`, and one notification. [`Operation::poll`] does as
    /// many. With [block inflation](crate::feature::BlockInflation), `actual` may be written twice.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the new frame: [`BalloonError::Busy`] while the balloon inflates or deflates,
    /// [`BalloonError::NotInBalloon`], or [`BalloonError::NotOneFrame`].
    pub fn migrate(
        &mut self,
        old: u64,
        new: FrameRun<Size<S>>,
    ) -> Result<Migration<'_, S>, Rejected<FrameRun<Size<S>>>> {
        let (core, mut queue) = self.state.core_and_reports();
        let error = match core.keeping(&new, |core| core.reclaim_blocks(&mut queue).and_then(|()| core.reap())) {
            Err(error) => Some(error),
            Ok(()) if core.inflate.is_busy() || core.deflate.is_busy() => Some(BalloonError::Busy),
            Ok(()) if new.count() != 1 => Some(BalloonError::NotOneFrame { count: new.count() }),
            Ok(()) if !core.bitmap.contains(old) => Some(BalloonError::NotInBalloon { frame: old }),
            Ok(()) if core.is_in_flight(old) => Some(BalloonError::Busy),
            Ok(()) => None,
        };
        if let Some(error) = error {
            return Err(Rejected { run: Some(new), error });
        }
        core.inflate_with(new)?;
        Ok(Operation::new(core, Migrate::new(old)))
    }

    /// Returns the features that were negotiated, or `None` after [`Balloon::abandon`].
    pub fn accepted(&self) -> Option<&Accepted<S::Features>> {
        Some(self.state.core().connection.live().ok()?.device.accepted())
    }

    /// Returns the interrupt side of the device for the kernel's interrupt handler.
    pub fn interrupt(&self) -> Interrupt<S> {
        self.state.core().interrupt.clone()
    }

    /// Returns the platform.
    pub fn platform(&self) -> &S::Platform {
        &self.state.core().platform
    }
}

/// Makes one bounded step toward the target of the host, and inflates blocks through `queue`.
#[inline]
pub(super) fn service<C: Types>(core: &mut Core<C>, mut queue: StepReports<'_, C>) -> Result<Step, BalloonError> {
    core.reclaim_blocks(&mut queue)?;
    core.reap()?;
    let target = core.target()?;
    core.log_target(target);
    step_toward(core, queue, target.frames::<SizeOf<C>>().into())
}
