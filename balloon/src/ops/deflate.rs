//! Deflation on demand.

use core::task::Poll;

use aerostat_spec::{RequirementOf, Unavailable};

use super::live::{LiveState, TypesOf};
use super::operation::{Kind, Operation, sealed};
use crate::core::{Core, ReleaseWhen};
use crate::error::BalloonError;
use crate::features::Types;
use crate::features::feature::MustTellHost;

/// How far a deflation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Down to the target.
    Target,
    /// Down to an empty balloon, because the kernel is out of memory.
    Empty,
}

/// A number of frames that are to leave the balloon. The kernel cannot use them before the host has been
/// notified.
///
/// If it is dropped, the frames stay in the balloon.
#[derive(Debug)]
#[must_use = "the frames stay in the balloon until the host has been notified"]
pub struct PendingDeflation<'a, S: LiveState> {
    core: &'a mut Core<TypesOf<S>>,
    frames: u32,
    limit: Limit,
}

impl<'a, S: LiveState> PendingDeflation<'a, S> {
    pub(crate) const fn new(core: &'a mut Core<TypesOf<S>>, frames: u32, limit: Limit) -> Self {
        Self { core, frames, limit }
    }

    /// Returns the number of frames.
    pub const fn frames(&self) -> u32 {
        self.frames
    }

    /// Tells the host, and returns the frames to the kernel as the host acknowledges them.
    pub fn tell_host(self) -> Deflation<'a, S> {
        Operation::new(self.core, Deflate { left: self.frames, frames: 0, limit: self.limit })
    }

    /// Returns frames to the kernel at once, and tells the host without waiting for its answer. Returns the number of frames,
    /// which is limited by the number of free arrays, except for blocks of [block inflation](crate::feature::BlockInflation); the
    /// others stay in the balloon. It does at most 3 register accesses, and one more with block inflation.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. It is [`Busy`](BalloonError::Busy) while the balloon inflates, unless this deflates on OOM and blocks of
    /// [block inflation](crate::feature::BlockInflation) went back.
    pub fn release_early(self) -> Result<u32, BalloonError>
    where
        RequirementOf<S::Features, MustTellHost>: Unavailable<MustTellHost>,
    {
        self.core.reap()?;
        let mut released = 0;
        if self.limit == Limit::Empty {
            // Blocks go back without a message, so an inflation in progress does not matter.
            released = self.core.release_blocks(self.frames, true);
        }
        if !self.core.inflate.is_busy() {
            released += self.core.deflate_by(self.frames - released, ReleaseWhen::Early).frames;
        } else if released == 0 {
            return Err(BalloonError::Busy);
        }
        self.core.write_actual_of_blocks()?;
        Ok(released)
    }
}

/// A deflation in progress. It returns the number of frames that went back to the kernel.
///
/// If it is dropped, the frames that were not sent to the host stay in the balloon. The others go back to the kernel during
/// later calls, as the host acknowledges them.
///
/// `S` is the state of the balloon, [`Ready`](crate::Ready) or [`Split`](crate::Split):
///
/// ```
/// use aerostat_balloon::ops::Deflation;
/// use aerostat_balloon::{Balloon, BalloonError, LiveState};
///
/// fn start<S: LiveState>(balloon: &mut Balloon<S>) -> Result<Deflation<'_, S>, BalloonError> {
///     Ok(balloon.deflate(100)?.tell_host())
/// }
/// ```
pub type Deflation<'a, S> = Operation<'a, S, Deflate>;

/// The kind of a [`Deflation`].
#[derive(Debug)]
pub struct Deflate {
    /// Frames to send to the host.
    left: u32,
    /// Frames that were sent to the host.
    frames: u32,
    limit: Limit,
}

impl sealed::Sealed for Deflate {}

impl Kind for Deflate {
    type Output = u32;

    fn advance<C: Types>(&mut self, core: &mut Core<C>) -> Result<Poll<u32>, BalloonError> {
        core.reap()?;
        if self.limit == Limit::Target {
            // The target may have risen since the last call: the host keeps what it wants now.
            self.left = u64::from(self.left).min(core.surplus()?) as u32;
        }
        let mut left = self.left;
        if self.limit == Limit::Empty {
            left -= core.release_blocks(left, true);
        }
        if left > 0 && !core.inflate.is_busy() {
            left = left.saturating_sub(core.deflate_by(left, ReleaseWhen::Acknowledged).frames);
        }
        self.frames = self.frames.saturating_add(self.left - left);
        self.left = left;
        core.write_actual_of_blocks()?;
        Ok(if self.left == 0 && !core.deflate.is_busy() { Poll::Ready(self.frames) } else { Poll::Pending })
    }
}
