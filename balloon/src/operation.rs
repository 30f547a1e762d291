//! Single operations on a live balloon, each a value that holds the balloon until it is done.

use core::task::Poll;

use crate::declare::MustTellHost;
use aerostat_spec::{RequirementOf, Unavailable};
use aerostat_transport::{Dma, Transport, Wait};

use crate::declare::BalloonFeatureSet;
use crate::error::BalloonError;
use crate::live::{Core, Leave, Supply};
use crate::platform::Frames;
use crate::service::{CoreOf, LiveState};
use crate::signal::{On, Operation, Signal};
use crate::wait::block;

/// An inflation under way.
///
/// Dropping it stops asking the kernel for frames; what is with the device already enters the balloon all the same.
#[derive(Debug)]
#[must_use = "an inflation goes on only while it is polled"]
pub struct Inflation<'a, S: LiveState> {
    core: &'a mut CoreOf<S>,
    left: u32,
    frames: u32,
}

impl<'a, S: LiveState> Inflation<'a, S> {
    pub(crate) fn new(core: &'a mut CoreOf<S>, frames: u32) -> Self {
        Self { core, left: frames, frames: 0 }
    }

    /// Goes on without waiting. Ready with the frames that entered the balloon, which are fewer than asked for when the
    /// kernel had no more, once the device has acknowledged all of them.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]; frames that were given to the device stay in the balloon.
    pub fn poll(&mut self) -> Result<Poll<u32>, BalloonError> {
        Ok(self.step()?.map_or(Poll::Pending, Poll::Ready))
    }

    /// Goes on until done, waiting for the device through `wait`.
    ///
    /// # Errors
    ///
    /// [`BalloonError`], among them [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer) when `wait` gives up.
    pub fn wait(mut self, wait: &mut impl Wait) -> Result<u32, BalloonError> {
        let Self { core, left, frames } = &mut self;
        block(core, wait, |core| inflate(core, left, frames))
    }

    fn step(&mut self) -> Result<Option<u32>, BalloonError> {
        inflate(self.core, &mut self.left, &mut self.frames)
    }
}

fn inflate<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    core: &mut Core<T, P, L>,
    left: &mut u32,
    frames: &mut u32,
) -> Result<Option<u32>, BalloonError> {
    core.reap()?;
    // The target may have fallen since: the host gets no more than it wants now.
    let target = u64::from(core.target()?.frames::<P::Size>());
    *left = u64::from(*left).min(target.saturating_sub(core.held())) as u32;
    if *left > 0 && !core.deflating() {
        let filled = core.take_in(*left)?;
        *frames = frames.saturating_add(filled.frames);
        *left = if filled.supply == Supply::Dry { 0 } else { left.saturating_sub(filled.frames) };
    }
    Ok((*left == 0 && !core.inflating()).then_some(*frames))
}

/// A number of frames that are to leave the balloon. Until the host has been told they are not the kernel's.
///
/// Dropped, the frames stay in the balloon.
#[derive(Debug)]
#[must_use = "the frames stay in the balloon unless the host is told"]
pub struct PendingDeflation<'a, S: LiveState> {
    core: &'a mut CoreOf<S>,
    frames: u32,
    floor: Floor,
}

/// How far a deflation may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    /// Down to what the host wants.
    Target,
    /// Down to nothing, because the kernel is out of memory.
    Nothing,
}

impl<'a, S: LiveState> PendingDeflation<'a, S> {
    pub(crate) fn new(core: &'a mut CoreOf<S>, frames: u32, floor: Floor) -> Self {
        Self { core, frames, floor }
    }

    /// How many frames: those with the lowest numbers from where the last deflation ended.
    pub const fn frames(&self) -> u32 {
        self.frames
    }

    /// Tells the host, and gives the frames back to the kernel as the host acknowledges.
    pub fn tell_host(self) -> Deflation<'a, S> {
        Deflation { core: self.core, left: self.frames, frames: 0, floor: self.floor }
    }

    /// Gives frames back to the kernel at once and tells the host of it, but does not wait for its answer: as many as
    /// there are free arrays to tell the host with. Returns how many; the others stay in the balloon.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]
    pub fn release_early(self) -> Result<u32, BalloonError>
    where
        RequirementOf<S::FeaturePair, MustTellHost>: Unavailable<MustTellHost>,
    {
        self.core.reap()?;
        if self.core.inflating() {
            return Err(BalloonError::Busy);
        }
        Ok(self.core.let_out(self.frames, Leave::AtOnce).frames)
    }
}

/// A deflation under way, of which the host is being told.
///
/// Dropped, the frames that the host was not told of stay in the balloon; the others go back to the kernel as the host
/// acknowledges, during later calls.
#[derive(Debug)]
#[must_use = "a deflation goes on only while it is polled"]
pub struct Deflation<'a, S: LiveState> {
    core: &'a mut CoreOf<S>,
    left: u32,
    frames: u32,
    floor: Floor,
}

impl<S: LiveState> Deflation<'_, S> {
    /// Goes on without waiting. Ready with the number of frames once they are the kernel's again: fewer
    /// than were picked when the host has come to want more meanwhile.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]; frames that the device has not acknowledged stay in the balloon.
    pub fn poll(&mut self) -> Result<Poll<u32>, BalloonError> {
        let done = deflate(self.core, &mut self.left, &mut self.frames, self.floor)?;
        Ok(if done { Poll::Ready(self.frames) } else { Poll::Pending })
    }

    /// Goes on until done, waiting for the device through `wait`.
    ///
    /// # Errors
    ///
    /// [`BalloonError`], among them [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer) when `wait` gives up.
    pub fn wait(mut self, wait: &mut impl Wait) -> Result<u32, BalloonError> {
        let Self { core, left, frames, floor } = &mut self;
        block(core, wait, |core| Ok(deflate(core, left, frames, *floor)?.then_some(*frames)))
    }
}

fn deflate<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    core: &mut Core<T, P, L>,
    left: &mut u32,
    frames: &mut u32,
    floor: Floor,
) -> Result<bool, BalloonError> {
    core.reap()?;
    if floor == Floor::Target {
        // The target may have risen since: the host keeps what it wants now.
        let target = u64::from(core.target()?.frames::<P::Size>());
        *left = u64::from(*left).min(core.held().saturating_sub(target)) as u32;
    }
    if *left > 0 && !core.inflating() {
        let named = core.let_out(*left, Leave::Acknowledged).frames;
        *left = left.saturating_sub(named);
        *frames = frames.saturating_add(named);
    }
    Ok(*left == 0 && !core.deflating())
}

/// An exchange of one frame of the balloon for another, which a kernel asks for that moves memory together.
///
/// The host is told of the new frame first, then of the old one. Dropped, both frames are in the balloon, or the old one
/// goes back to the kernel as the host acknowledges.
#[derive(Debug)]
#[must_use = "an exchange goes on only while it is polled"]
pub struct Migration<'a, S: LiveState> {
    core: &'a mut CoreOf<S>,
    old: u64,
    stage: Stage,
}

/// How far an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The new frame enters the balloon.
    Entering,
    /// The old frame leaves it.
    Leaving,
}

impl<'a, S: LiveState> Migration<'a, S> {
    pub(crate) fn new(core: &'a mut CoreOf<S>, old: u64) -> Self {
        Self { core, old, stage: Stage::Entering }
    }

    /// Goes on without waiting. Ready once the old frame is the kernel's again, through
    /// [`Frames::deallocate`](crate::Frames::deallocate).
    ///
    /// # Errors
    ///
    /// [`BalloonError`]; a frame that the device has not acknowledged stays in the balloon.
    pub fn poll(&mut self) -> Result<Poll<()>, BalloonError> {
        let done = migrate(self.core, self.old, &mut self.stage)?;
        Ok(if done { Poll::Ready(()) } else { Poll::Pending })
    }

    /// Goes on until done, waiting for the device through `wait`.
    ///
    /// # Errors
    ///
    /// [`BalloonError`], among them [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer) when `wait` gives up.
    pub fn wait(mut self, wait: &mut impl Wait) -> Result<(), BalloonError> {
        let Self { core, old, stage } = &mut self;
        block(core, wait, |core| Ok(migrate(core, *old, stage)?.then_some(())))
    }
}

fn migrate<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    core: &mut Core<T, P, L>,
    old: u64,
    stage: &mut Stage,
) -> Result<bool, BalloonError> {
    core.reap()?;
    if *stage == Stage::Entering && !core.inflating() {
        core.let_out_one(old)?;
        *stage = Stage::Leaving;
    }
    let done = *stage == Stage::Leaving && !core.deflating();
    if done {
        core.migrated = core.migrated.wrapping_add(1);
    }
    Ok(done)
}

impl<S: LiveState> Operation for Inflation<'_, S> {
    type Output = u32;

    fn advance(&mut self) -> Result<Poll<u32>, BalloonError> {
        self.poll()
    }
}

impl<S: LiveState> Inflation<'_, S> {
    /// Goes on until done, as a future that the interrupt handler wakes through `signal`.
    pub fn on(self, signal: &Signal) -> On<'_, Self> {
        On::new(self, signal)
    }
}

impl<S: LiveState> Operation for Deflation<'_, S> {
    type Output = u32;

    fn advance(&mut self) -> Result<Poll<u32>, BalloonError> {
        self.poll()
    }
}

impl<S: LiveState> Deflation<'_, S> {
    /// Goes on until done, as a future that the interrupt handler wakes through `signal`.
    pub fn on(self, signal: &Signal) -> On<'_, Self> {
        On::new(self, signal)
    }
}

impl<S: LiveState> Operation for Migration<'_, S> {
    type Output = ();

    fn advance(&mut self) -> Result<Poll<()>, BalloonError> {
        self.poll()
    }
}

impl<S: LiveState> Migration<'_, S> {
    /// Goes on until done, as a future that the interrupt handler wakes through `signal`.
    pub fn on(self, signal: &Signal) -> On<'_, Self> {
        On::new(self, signal)
    }
}
