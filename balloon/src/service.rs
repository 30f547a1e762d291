//! What a live balloon does: it follows the target, and is inflated and deflated by hand.

use core::time::Duration;

use aerostat_spec::balloon::feature::DeflateOnOom as Oom;
use aerostat_spec::{Accepted, Available, Requirement, RequirementOf};
use aerostat_transport::{Dma, Transport};

use crate::Balloon;
use crate::declare::BalloonFeatureSet;
use crate::error::BalloonError;
use crate::frame::{FrameRun, Pages};
use crate::live::{Core, Leave, Supply};
use crate::operation::{Floor, Inflation, Migration, PendingDeflation};
use crate::parts::Of;
use crate::platform::Frames;

/// The states in which the device is live: [`Ready`](crate::Ready), and [`Split`](crate::Split).
#[diagnostic::on_unimplemented(
    message = "the balloon is not live in the state `{Self}`",
    label = "needs a live balloon",
    note = "`probe()` brings a new balloon to life, `restore()` a frozen one"
)]
pub trait LiveState {
    /// The bus of the device.
    type Transport: Transport;
    /// The kernel's side.
    type Platform: Dma + Frames;
    /// The declaration of features.
    type FeaturePair: BalloonFeatureSet;

    #[doc(hidden)]
    fn core(&self) -> &Core<Self::Transport, Self::Platform, Self::FeaturePair>;

    #[doc(hidden)]
    fn core_mut(&mut self) -> &mut Core<Self::Transport, Self::Platform, Self::FeaturePair>;
}

/// What a step has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until the configuration changes.
    OnTarget,
    /// The device works on arrays of page numbers: call again after its interrupt, or at any time.
    Waiting,
    /// The kernel has no frame to spare for the host ("out of puff"): call again after the pause, or when frames become
    /// free.
    OutOfFrames {
        /// The pause.
        retry_after: Duration,
    },
    /// The kernel was out of memory a moment ago, so that the balloon is not inflated until [`retry`](Balloon::retry) is
    /// called: once, when the pause is over.
    HeldOff {
        /// The pause, counted from the last call of [`deflate_on_oom`](Balloon::deflate_on_oom).
        retry_after: Duration,
    },
}

type Kernel<S> = <S as LiveState>::Platform;
type Size<S> = <Kernel<S> as Frames>::Size;
/// The balloon proper in the state `S`.
pub(crate) type CoreOf<S> = Core<<S as LiveState>::Transport, Kernel<S>, <S as LiveState>::FeaturePair>;

impl<S> Balloon<S> {
    /// Goes one bounded step toward the target, and never waits: takes back what the device has used, writes `actual`,
    /// reads the target, and gives the device what it has room for.
    ///
    /// Call it once after [`probe`](Balloon::probe), and again as the returned [`Step`] says: this is a function for a
    /// work queue. The target is read in each step, so that a moving target is followed.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Where it says that the device has to be reset, [`Balloon::abandon`] does that.
    pub fn service(&mut self) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        core.reap()?;
        let target = core.target()?.frames::<Size<S>>();
        toward(core, target)
    }

    /// Goes a step like [`service`](Balloon::service) after the pause of [`Step::HeldOff`], which is over with this call. A
    /// timer for [`Step::OutOfFrames`] calls `service` instead, so that it does not end a longer pause early.
    ///
    /// # Errors
    ///
    /// As for [`Balloon::service`].
    pub fn retry(&mut self) -> Result<Step, BalloonError>
    where
        S: LiveState,
    {
        self.state.core_mut().hold_off.over();
        self.service()
    }

    /// Goes one bounded step toward an empty balloon, whatever the target.
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
        toward(core, 0)
    }

    /// Starts to inflate the balloon by `frames` frames from the kernel, but not past the target.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn inflate(&mut self, frames: u32) -> Result<Inflation<'_, S>, BalloonError>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        let missing = missing::<S>(core)?.min(frames.into());
        Ok(Inflation::new(core, missing as u32))
    }

    /// Inflates the balloon by frames that the kernel has chosen itself, without waiting for the device.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the frames that the balloon did not take, and the reason.
    pub fn inflate_with(&mut self, run: FrameRun<Size<S>>) -> Result<(), Rejected<FrameRun<Size<S>>>>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        let error = match core.reap().map_err(BalloonError::from).and_then(|()| missing::<S>(core)) {
            Err(error) => Some(error),
            Ok(_) if core.deflating() => Some(BalloonError::Busy),
            Ok(missing) => (u64::from(run.count()) > missing).then_some(BalloonError::BeyondTarget),
        };
        match error {
            Some(error) => Err(Rejected { run, error }),
            None => take_run::<S>(core, run),
        }
    }

    /// Picks up to `frames` frames of the balloon to go back to the kernel, but none that the target asks for.
    ///
    /// They are still in the balloon: [`PendingDeflation::tell_host`] gets them out.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn deflate(&mut self, frames: u32) -> Result<PendingDeflation<'_, S>, BalloonError>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        let surplus = core.held().saturating_sub(core.target()?.frames::<Size<S>>().into());
        Ok(PendingDeflation::new(core, surplus.min(frames.into()) as u32, Floor::Target))
    }

    /// Picks frames of the balloon to go back to a kernel that is out of memory, also such that the target asks for: as
    /// many pages as [`DeflateOnOom`](crate::DeflateOnOom) says. This path takes no memory.
    ///
    /// From here on [`service`](Balloon::service) does not inflate the balloon until [`retry`](Balloon::retry) is called
    /// after the pause that it returns, see [`hold_off`](Balloon::hold_off): else the host would get the same pages right
    /// back.
    ///
    /// Where the feature is wanted and the host does not offer it, there is nothing to be had: `None`.
    pub fn deflate_on_oom(&mut self) -> Of<S::FeaturePair, Oom, PendingDeflation<'_, S>>
    where
        S: LiveState,
        RequirementOf<S::FeaturePair, Oom>: Available<Oom>,
    {
        let core = self.state.core_mut();
        let accepted = core.device.accepted().has(Oom);
        RequirementOf::<S::FeaturePair, Oom>::make(accepted, || {
            core.hold_off.pressure();
            let frames = core.held().min(Pages(core.options.relief).frames::<Size<S>>().into());
            PendingDeflation::new(core, frames as u32, Floor::Nothing)
        })
    }

    /// What was negotiated with the device.
    pub fn accepted(&self) -> &Accepted<S::FeaturePair>
    where
        S: LiveState,
    {
        self.state.core().device.accepted()
    }

    /// Starts to exchange the frame `old` of the balloon for another one, because the kernel wants to have `old` in
    /// particular. The frame comes back through [`Frames::deallocate`].
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the new frame: [`BalloonError::Busy`] while the balloon is inflated or deflated ("try again"),
    /// [`BalloonError::NotInBalloon`], or [`BalloonError::NotOne`] when `new` is more than one frame.
    pub fn migrate(&mut self, old: u64, new: FrameRun<Size<S>>) -> Result<Migration<'_, S>, Rejected<FrameRun<Size<S>>>>
    where
        S: LiveState,
    {
        let core = self.state.core_mut();
        let error = match core.reap() {
            Err(error) => Some(error.into()),
            Ok(()) if core.inflating() || core.deflating() => Some(BalloonError::Busy),
            Ok(()) if new.count() != 1 => Some(BalloonError::NotOne),
            Ok(()) if !core.contains(old) => Some(BalloonError::NotInBalloon { frame: old }),
            Ok(()) => None,
        };
        if let Some(error) = error {
            return Err(Rejected { run: new, error });
        }
        take_run::<S>(core, new)?;
        Ok(Migration::new(core, old))
    }

    /// The size of the balloon, as the device has acknowledged it.
    pub fn size(&self) -> Pages
    where
        S: LiveState,
    {
        self.state.core().size()
    }

    /// The size that the host wants the balloon to have. It may be more than the guest has memory.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`] where the configuration cannot be read.
    pub fn target(&self) -> Result<Pages, BalloonError>
    where
        S: LiveState,
    {
        Ok(self.state.core().target()?)
    }

    /// Frames that were exchanged by [`migrate`](Balloon::migrate) so far.
    pub fn migrated(&self) -> u64
    where
        S: LiveState,
    {
        self.state.core().migrated
    }

    /// The interrupt side of the device, for the kernel's interrupt handler.
    pub fn interrupt(&self) -> <S::Transport as Transport>::Interrupt
    where
        S: LiveState,
    {
        self.state.core().device.interrupt()
    }

    /// The kernel's side.
    pub fn platform(&self) -> &S::Platform
    where
        S: LiveState,
    {
        &self.state.core().platform
    }

    /// The kernel's side, to change it.
    pub fn platform_mut(&mut self) -> &mut S::Platform
    where
        S: LiveState,
    {
        &mut self.state.core_mut().platform
    }
}

/// Frames that the host wants and does not have.
fn missing<S: LiveState>(core: &mut CoreOf<S>) -> Result<u64, BalloonError> {
    let target = core.target()?.frames::<Size<S>>();
    Ok(u64::from(target).saturating_sub(core.held()))
}

fn take_run<S: LiveState>(core: &mut CoreOf<S>, run: FrameRun<Size<S>>) -> Result<(), Rejected<FrameRun<Size<S>>>> {
    core.take_run(run)
        .map_err(|(run, error)| Rejected { run, error: error.map_or(BalloonError::Busy, BalloonError::Frame) })
}

/// The second half of a step: what remains to be done when the device has been looked at.
fn toward<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    core: &mut Core<T, P, L>,
    target: u32,
) -> Result<Step, BalloonError> {
    let held = core.held();
    let target = u64::from(target);
    let missing = target.saturating_sub(held).min(u32::MAX.into()) as u32;
    let surplus = held.saturating_sub(target).min(u32::MAX.into()) as u32;
    let pause = core.hold_off.pause().filter(|_| missing > 0);
    let mut supply = Supply::More;
    // Never both directions at once: the host could see the pages in another order.
    if missing > 0 && !core.deflating() && pause.is_none() {
        supply = core.take_in(missing)?.supply;
    } else if surplus > 0 && !core.inflating() {
        core.let_out(surplus, Leave::Acknowledged);
    }
    if core.inflating() || core.deflating() {
        return Ok(Step::Waiting);
    }
    if let Some(retry_after) = pause {
        return Ok(Step::HeldOff { retry_after });
    }
    if supply == Supply::Dry {
        core.log_dry(target);
        return Ok(Step::OutOfFrames { retry_after: core.options.retry_after });
    }
    core.hold_off.relaxed();
    Ok(Step::OnTarget)
}

/// Frames that the balloon did not take.
#[derive(Debug, thiserror::Error)]
#[error("the balloon did not take the frames: {error}")]
pub struct Rejected<R> {
    /// The frames.
    pub run: R,
    /// Why.
    pub error: BalloonError,
}
