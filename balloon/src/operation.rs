//! Single operations on a live balloon, each a value that holds the balloon until it is done.

use core::task::Poll;

use aerostat_spec::balloon::feature::MustTellHost;
use aerostat_spec::{Absent, LevelOf};
use aerostat_transport::{Dma, Transport, Wait};

use crate::error::BalloonError;
use crate::live::{Core, Leave, Supply};
use crate::platform::Frames;
use crate::ready::block;
use crate::unprobed::BalloonLevels;

/// An inflation under way.
///
/// Dropping it stops asking the kernel for frames; what is with the device already enters the balloon all the same.
#[derive(Debug)]
#[must_use = "an inflation goes on only while it is polled"]
pub struct Inflation<'a, T: Transport, P: Dma + Frames, L: BalloonLevels> {
    core: &'a mut Core<T, P, L>,
    left: u32,
    frames: u32,
}

impl<'a, T: Transport, P: Dma + Frames, L: BalloonLevels> Inflation<'a, T, P, L> {
    pub(crate) fn new(core: &'a mut Core<T, P, L>, frames: u32) -> Self {
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

fn inflate<T: Transport, P: Dma + Frames, L: BalloonLevels>(
    core: &mut Core<T, P, L>,
    left: &mut u32,
    frames: &mut u32,
) -> Result<Option<u32>, BalloonError> {
    core.reap()?;
    if *left > 0 && !core.deflating() {
        let filled = core.take_in(*left)?;
        *frames = frames.saturating_add(filled.frames);
        *left = if filled.supply == Supply::Dry { 0 } else { left.saturating_sub(filled.frames) };
    }
    Ok((*left == 0 && !core.inflating()).then_some(*frames))
}

/// Frames that were picked to leave the balloon. Until the host has been told they are not the kernel's.
///
/// Dropped, the frames stay in the balloon.
#[derive(Debug)]
#[must_use = "the frames stay in the balloon unless the host is told"]
pub struct Deflated<'a, T: Transport, P: Dma + Frames, L: BalloonLevels> {
    core: &'a mut Core<T, P, L>,
    frames: u32,
}

impl<'a, T: Transport, P: Dma + Frames, L: BalloonLevels> Deflated<'a, T, P, L> {
    pub(crate) fn new(core: &'a mut Core<T, P, L>, frames: u32) -> Self {
        Self { core, frames }
    }

    /// How many frames.
    pub const fn frames(&self) -> u32 {
        self.frames
    }

    /// Tells the host, and gives the frames back to the kernel as the host acknowledges.
    pub fn tell_host(self) -> Deflation<'a, T, P, L> {
        Deflation { core: self.core, left: self.frames, frames: self.frames }
    }

    /// Gives frames back to the kernel at once and tells the host of it, but does not wait for its answer: as many as
    /// there are free arrays to tell the host with. Returns how many; the others stay in the balloon.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]
    pub fn use_now(self) -> Result<u32, BalloonError>
    where
        LevelOf<L, MustTellHost>: Absent<MustTellHost>,
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
pub struct Deflation<'a, T: Transport, P: Dma + Frames, L: BalloonLevels> {
    core: &'a mut Core<T, P, L>,
    left: u32,
    frames: u32,
}

impl<T: Transport, P: Dma + Frames, L: BalloonLevels> Deflation<'_, T, P, L> {
    /// Goes on without waiting. Ready with the number of frames, once all of them are the kernel's again.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]; frames that the device has not acknowledged stay in the balloon.
    pub fn poll(&mut self) -> Result<Poll<u32>, BalloonError> {
        let done = deflate(self.core, &mut self.left)?;
        Ok(if done { Poll::Ready(self.frames) } else { Poll::Pending })
    }

    /// Goes on until done, waiting for the device through `wait`.
    ///
    /// # Errors
    ///
    /// [`BalloonError`], among them [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer) when `wait` gives up.
    pub fn wait(mut self, wait: &mut impl Wait) -> Result<u32, BalloonError> {
        let Self { core, left, frames } = &mut self;
        block(core, wait, |core| Ok(deflate(core, left)?.then_some(*frames)))
    }
}

fn deflate<T: Transport, P: Dma + Frames, L: BalloonLevels>(
    core: &mut Core<T, P, L>,
    left: &mut u32,
) -> Result<bool, BalloonError> {
    core.reap()?;
    if *left > 0 && !core.inflating() {
        *left = left.saturating_sub(core.let_out(*left, Leave::Acknowledged).frames);
    }
    Ok(*left == 0 && !core.deflating())
}
