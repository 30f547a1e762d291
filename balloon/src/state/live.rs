//! What a balloon does while its device is live.

use aerostat_spec::{Accepted, Available, RequirementOf};
use aerostat_transport::Transport;

use super::balloon::Balloon;
use crate::core::Core;
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
    /// the configuration.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. When the device has to be reset, call [`Balloon::abandon`], on a split balloon after
    /// [`Handles::join`](crate::Handles::join).
    pub fn service(&mut self) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        core.reap()?;
        let target = core.target_frames()?;
        step_toward(core, target)
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

    /// Makes one bounded step toward an empty balloon, independently of the target. It does at most 3 register accesses.
    ///
    /// # Errors
    ///
    /// As for [`Balloon::service`].
    pub fn drain(&mut self) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        core.reap()?;
        step_toward(core, 0)
    }

    /// Returns the size of the balloon that the device has acknowledged.
    pub fn size(&self) -> Pages
    where
        S: LiveState,
    {
        self.state.core().size()
    }

    /// Reads the size that the host wants the balloon to have. It may exceed the memory of the guest.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`] if the configuration space cannot be read.
    pub fn target(&self) -> Result<Pages, BalloonError>
    where
        S: LiveState,
    {
        self.state.core().target()
    }

    /// Returns the number of frames that were [migrated](Balloon::migrate).
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
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn inflate(&mut self, frames: u32) -> Result<Inflation<'_, S>, BalloonError> {
        let core = self.state.core_mut();
        let missing = core.missing()?.min(frames.into());
        Ok(Operation::new(core, Inflate::new(missing as u32)))
    }

    /// Inflates the balloon by frames that the kernel chose itself, without waiting for the device.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the frames that the balloon did not take, and the reason.
    pub fn inflate_with(&mut self, run: FrameRun<Size<S>>) -> Result<(), Rejected<FrameRun<Size<S>>>> {
        let core = self.state.core_mut();
        let error = match core.reap().and_then(|()| core.missing()) {
            Err(error) => Some(error),
            Ok(_) if core.deflate.is_busy() => Some(BalloonError::Busy),
            Ok(missing) => (u64::from(run.count()) > missing).then_some(BalloonError::BeyondTarget),
        };
        match error {
            Some(error) => Err(Rejected { run, error }),
            None => send_run(core, run),
        }
    }

    /// Picks up to `frames` frames of the balloon to go back to the kernel, but not below the target.
    ///
    /// They stay in the balloon until [`PendingDeflation::tell_host`].
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn deflate(&mut self, frames: u32) -> Result<PendingDeflation<'_, S>, BalloonError> {
        let core = self.state.core_mut();
        let surplus = core.surplus()?.min(frames.into());
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
    pub fn deflate_on_oom(&mut self) -> IfDeclared<S::Features, DeflateOnOom, PendingDeflation<'_, S>>
    where
        RequirementOf<S::Features, DeflateOnOom>: Available<DeflateOnOom>,
    {
        let core = self.state.core_mut();
        let is_negotiated = core.connection.has(DeflateOnOom);
        if_negotiated::<S::Features, DeflateOnOom, _>(is_negotiated, || {
            core.backoff.start();
            let frames = core.held().min(Pages(core.options.oom_pages).frames::<Size<S>>().into());
            PendingDeflation::new(core, frames as u32, Limit::Empty)
        })
    }

    /// Starts to replace the ballooned frame `old` with the one frame of `new`, because the kernel needs `old` for compaction.
    /// The frame comes back through [`Frames::deallocate`].
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
        let core = self.state.core_mut();
        let error = match core.reap() {
            Err(error) => Some(error),
            Ok(()) if core.inflate.is_busy() || core.deflate.is_busy() => Some(BalloonError::Busy),
            Ok(()) if new.count() != 1 => Some(BalloonError::NotOneFrame { count: new.count() }),
            Ok(()) if !core.bitmap.contains(old) => Some(BalloonError::NotInBalloon { frame: old }),
            Ok(()) => None,
        };
        if let Some(error) = error {
            return Err(Rejected { run: new, error });
        }
        send_run(core, new)?;
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

    /// Returns the platform for changes.
    pub fn platform_mut(&mut self) -> &mut S::Platform {
        &mut self.state.core_mut().platform
    }
}

fn send_run<C: Types>(core: &mut Core<C>, run: FrameRun<SizeOf<C>>) -> Result<(), Rejected<FrameRun<SizeOf<C>>>> {
    core.inflate_with(run)
        .map_err(|(run, error)| Rejected { run, error: error.map_or(BalloonError::Busy, BalloonError::Frame) })
}
