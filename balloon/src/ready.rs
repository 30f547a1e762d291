//! A live balloon.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;
use core::time::Duration;

use aerostat_transport::{Dma, Patience, Transport, Wait};

use crate::Balloon;
use crate::error::BalloonError;
use crate::frame::{FrameRun, Pages};
use crate::live::{Core, Leave, Stop, Supply};
use crate::operation::{Deflated, Inflation};
use crate::platform::Frames;
use crate::unprobed::BalloonLevels;

/// State: the device is live.
///
/// Dropping it resets the device and gives all frames back to the kernel, as far as the device finishes the reset at
/// once; [`remove`](Balloon::remove) tells the host first, and says what went wrong.
pub struct Ready<T: Transport, P: Dma + Frames, L: BalloonLevels> {
    pub(crate) core: ManuallyDrop<Core<T, P, L>>,
}

impl<T: Transport, P: Dma + Frames, L: BalloonLevels> Ready<T, P, L> {
    pub(crate) fn new(core: Core<T, P, L>) -> Self {
        Self { core: ManuallyDrop::new(core) }
    }

    pub(crate) fn into_core(self) -> Core<T, P, L> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped and never used again, so that the core is taken exactly once.
        unsafe { ManuallyDrop::take(&mut this.core) }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonLevels> Drop for Ready<T, P, L> {
    fn drop(&mut self) {
        // SAFETY: `drop` runs once, and `into_core` prevents it from running after it took the core.
        let core = unsafe { ManuallyDrop::take(&mut self.core) };
        // A device that does not finish its reset keeps what it was lent: giving that to anybody would be unsound.
        let _ = core.stop(Stop::AtOnce);
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonLevels> Debug for Ready<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("size", &self.core.size()).finish_non_exhaustive()
    }
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
}

impl<T: Transport, P: Dma + Frames, L: BalloonLevels> Balloon<Ready<T, P, L>> {
    /// Goes one bounded step toward the target, and never waits: takes back what the device has used, writes `actual`,
    /// reads the target, and gives the device what it has room for.
    ///
    /// Call it once after [`probe`](Balloon::probe), and again as the returned [`Step`] says: this is a function for a
    /// work queue. The target is read in each step, so that a moving target is followed.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]: after [`BalloonError::Device`] the device has to be reset, by [`Balloon::abandon`].
    pub fn service(&mut self) -> Result<Step, BalloonError> {
        self.state.core.reap()?;
        let target = self.state.core.target()?.frames::<P::Size>();
        self.toward(target)
    }

    /// Goes one bounded step toward an empty balloon, whatever the target.
    ///
    /// # Errors
    ///
    /// As for [`Balloon::service`].
    pub fn drain(&mut self) -> Result<Step, BalloonError> {
        self.state.core.reap()?;
        self.toward(0)
    }

    /// The second half of a step: what remains to be done when the device has been looked at.
    fn toward(&mut self, target: u32) -> Result<Step, BalloonError> {
        let core = &mut self.state.core;
        let held = core.held();
        let target = u64::from(target);
        // Both directions at once would tell the host of pages in an order that it does not see.
        let missing = target.saturating_sub(held).min(u32::MAX.into()) as u32;
        let surplus = held.saturating_sub(target).min(u32::MAX.into()) as u32;
        let mut supply = Supply::More;
        if missing > 0 && !core.deflating() {
            supply = core.take_in(missing)?.supply;
        } else if surplus > 0 && !core.inflating() {
            core.let_out(surplus, Leave::Acknowledged);
        }
        Ok(if core.inflating() || core.deflating() {
            Step::Waiting
        } else if supply == Supply::Dry {
            core.log_dry(target);
            Step::OutOfFrames { retry_after: core.options.retry_after }
        } else {
            Step::OnTarget
        })
    }

    /// Starts to inflate the balloon by `frames` frames from the kernel, but not past the target.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn inflate(&mut self, frames: u32) -> Result<Inflation<'_, T, P, L>, BalloonError> {
        let target = self.state.core.target()?.frames::<P::Size>();
        let missing = u64::from(target).saturating_sub(self.state.core.held());
        let frames = missing.min(frames.into()) as u32;
        Ok(Inflation::new(&mut self.state.core, frames))
    }

    /// Inflates the balloon by frames that the kernel has chosen itself, without waiting for the device.
    ///
    /// # Errors
    ///
    /// [`Declined`] with the frames that the balloon did not take, and the reason.
    pub fn inflate_with(&mut self, run: FrameRun<P::Size>) -> Result<(), Declined<FrameRun<P::Size>>> {
        let room = self.state.core.reap().and_then(|()| self.state.core.target());
        let error = match room {
            Err(error) => Some(error.into()),
            Ok(_) if self.state.core.deflating() => Some(BalloonError::Busy),
            Ok(target) => {
                let missing = u64::from(target.frames::<P::Size>()).saturating_sub(self.state.core.held());
                (u64::from(run.count()) > missing).then_some(BalloonError::BeyondTarget)
            }
        };
        if let Some(error) = error {
            return Err(Declined { run, error });
        }
        self.state.core.take_run(run).map_err(|(run, error)| {
            let error = error.map_or(BalloonError::Busy, BalloonError::Frame);
            Declined { run, error }
        })
    }

    /// Picks up to `frames` frames of the balloon to go back to the kernel, but none that the target asks for.
    ///
    /// They are still in the balloon: [`Deflated::tell_host`] gets them out.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn deflate(&mut self, frames: u32) -> Result<Deflated<'_, T, P, L>, BalloonError> {
        let target = self.state.core.target()?.frames::<P::Size>();
        let surplus = self.state.core.held().saturating_sub(target.into());
        let frames = surplus.min(frames.into()) as u32;
        Ok(Deflated::new(&mut self.state.core, frames))
    }

    /// The size of the balloon, as the device has acknowledged it.
    pub fn size(&self) -> Pages {
        self.state.core.size()
    }

    /// The size that the host wants the balloon to have. It may be more than the guest has memory.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`] where the configuration cannot be read.
    pub fn target(&self) -> Result<Pages, BalloonError> {
        Ok(self.state.core.target()?)
    }

    /// The interrupt side of the device, for the kernel's interrupt handler.
    pub fn interrupt(&self) -> T::Interrupt {
        self.state.core.device.interrupt()
    }

    /// The kernel's side.
    pub fn platform(&self) -> &P {
        &self.state.core.platform
    }

    /// The kernel's side, to change it.
    pub fn platform_mut(&mut self) -> &mut P {
        &mut self.state.core.platform
    }

    /// Calls `step` until it is done, and waits while it is not.
    pub(crate) fn wait_until_empty(&mut self, wait: &mut impl Wait) -> Result<(), BalloonError> {
        block(&mut self.state.core, wait, |core| {
            core.reap()?;
            let surplus = core.held().min(u32::MAX.into()) as u32;
            if surplus > 0 && !core.inflating() {
                core.let_out(surplus, Leave::Acknowledged);
            }
            Ok((!core.inflating() && !core.deflating() && core.held() == 0).then_some(()))
        })
    }
}

/// Calls `poll` until it has something to return, and waits in between as long as the device answers.
pub(crate) fn block<T: Transport, P: Dma + Frames, L: BalloonLevels, R>(
    core: &mut Core<T, P, L>,
    wait: &mut impl Wait,
    mut poll: impl FnMut(&mut Core<T, P, L>) -> Result<Option<R>, BalloonError>,
) -> Result<R, BalloonError> {
    let mut attempt = 0_u32;
    let mut seen = core.acknowledged;
    loop {
        if let Some(done) = poll(core)? {
            return Ok(done);
        }
        if seen != core.acknowledged {
            seen = core.acknowledged;
            attempt = 0;
        }
        if wait.wait(attempt) == Patience::GiveUp {
            return Err(core.no_answer().into());
        }
        attempt = attempt.saturating_add(1);
    }
}

/// Frames that the balloon did not take.
#[derive(Debug)]
pub struct Declined<R> {
    /// The frames.
    pub run: R,
    /// Why.
    pub error: BalloonError,
}
