//! What a balloon does while its device is live.

use aerostat_spec::{Accepted, Available, RequirementOf};
use aerostat_transport::Transport;

use super::balloon::Balloon;
use crate::core::Core;
use crate::error::BalloonError;
use crate::features::feature::DeflateOnOom;
use crate::features::{IfDeclared, SizeOf, Types, if_negotiated};
use crate::ops::{
    Inflate, Inflation, Limit, Migrate, Migration, Operation, Pause, PendingDeflation, Step, step_toward,
};
use crate::units::{FrameRun, Pages};

/// A state in which the device is live: [`Ready`](crate::Ready) or [`Split`](crate::Split). Sealed.
#[diagnostic::on_unimplemented(
    message = "the balloon is not live in the state `{Self}`",
    label = "needs a live balloon",
    note = "`probe()` makes an unprobed balloon live, `restore()` a frozen one"
)]
pub trait LiveState: sealed::Sealed {
    /// The types that the kernel chose.
    type Types: Types;

    #[doc(hidden)]
    fn core(&self) -> &Core<Self::Types>;

    #[doc(hidden)]
    fn core_mut(&mut self) -> &mut Core<Self::Types>;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

type Platform<S> = <<S as LiveState>::Types as Types>::Platform;
type Features<S> = <<S as LiveState>::Types as Types>::Features;
type Interrupt<S> = <<<S as LiveState>::Types as Types>::Transport as Transport>::Interrupt;
type Size<S> = SizeOf<<S as LiveState>::Types>;

/// Frames that the balloon did not take.
#[derive(Debug, thiserror::Error)]
#[error("the balloon did not take the frames: {error}")]
pub struct Rejected<R> {
    /// The frames.
    pub run: R,
    /// Why.
    pub error: BalloonError,
}

// The bound is on each of these methods, because the compiler then prints the advice of `LiveState` for other states. It does
// not do so for methods with associated types of the state in their signatures.
impl<S> Balloon<S> {
    /// Makes one bounded step toward the target and never waits: takes back the arrays that the device has used, writes
    /// `actual`, reads the target, and sends arrays while there is room.
    ///
    /// Call it once after [`probe`](Balloon::probe), and again as the returned [`Step`] says, from a work queue and not from
    /// the interrupt handler. Each step reads the target again.
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

    /// Makes a step like [`service`](Balloon::service) after the pause of [`Step::Paused`]. If the balloon pauses for another
    /// reason by now, the step returns the new pause.
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

    /// Makes one bounded step toward an empty balloon, independently of the target.
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
    pub fn inflate(&mut self, frames: u32) -> Result<Inflation<'_, S::Types>, BalloonError> {
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
    pub fn deflate(&mut self, frames: u32) -> Result<PendingDeflation<'_, S::Types>, BalloonError> {
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
    pub fn deflate_on_oom(&mut self) -> IfDeclared<Features<S>, DeflateOnOom, PendingDeflation<'_, S::Types>>
    where
        RequirementOf<Features<S>, DeflateOnOom>: Available<DeflateOnOom>,
    {
        let core = self.state.core_mut();
        let is_negotiated = core.connection.has(DeflateOnOom);
        if_negotiated::<Features<S>, DeflateOnOom, _>(is_negotiated, || {
            core.backoff.start();
            let frames = core.held().min(Pages(core.options.oom_pages).frames::<Size<S>>().into());
            PendingDeflation::new(core, frames as u32, Limit::Empty)
        })
    }

    /// Starts to replace the ballooned frame `old` with the one frame of `new`, because the kernel needs `old` for compaction.
    /// The frame comes back through [`Frames::deallocate`](crate::Frames::deallocate).
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the new frame: [`BalloonError::Busy`] while the balloon inflates or deflates,
    /// [`BalloonError::NotInBalloon`], or [`BalloonError::NotOneFrame`].
    pub fn migrate(
        &mut self,
        old: u64,
        new: FrameRun<Size<S>>,
    ) -> Result<Migration<'_, S::Types>, Rejected<FrameRun<Size<S>>>> {
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
    pub fn accepted(&self) -> Option<&Accepted<Features<S>>> {
        Some(self.state.core().connection.live().ok()?.device.accepted())
    }

    /// Returns the interrupt side of the device for the kernel's interrupt handler.
    pub fn interrupt(&self) -> Interrupt<S> {
        self.state.core().interrupt.clone()
    }

    /// Returns the platform.
    pub fn platform(&self) -> &Platform<S> {
        &self.state.core().platform
    }

    /// Returns the platform for changes.
    pub fn platform_mut(&mut self) -> &mut Platform<S> {
        &mut self.state.core_mut().platform
    }
}

fn send_run<C: Types>(core: &mut Core<C>, run: FrameRun<SizeOf<C>>) -> Result<(), Rejected<FrameRun<SizeOf<C>>>> {
    core.inflate_with(run)
        .map_err(|(run, error)| Rejected { run, error: error.map_or(BalloonError::Busy, BalloonError::Frame) })
}
