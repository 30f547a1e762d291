//! Inflation on demand.

use core::task::Poll;

use super::operation::{Kind, Operation, sealed};
use crate::core::{Core, Supply};
use crate::error::BalloonError;
use crate::features::Types;

/// An inflation in progress. It returns the number of frames that entered the balloon.
///
/// If it is dropped, no more frames are requested from the kernel. Frames that the device already has enter the balloon.
///
/// `S` is the state of the balloon, [`Ready`](crate::Ready) or [`Split`](crate::Split):
///
/// ```
/// use aerostat_balloon::ops::Inflation;
/// use aerostat_balloon::{Balloon, BalloonError, LiveState};
///
/// fn start<S: LiveState>(balloon: &mut Balloon<S>) -> Result<Inflation<'_, S>, BalloonError> {
///     balloon.inflate(100)
/// }
/// ```
pub type Inflation<'a, S> = Operation<'a, S, Inflate>;

/// The kind of an [`Inflation`].
#[derive(Debug)]
pub struct Inflate {
    /// Frames to request from the kernel.
    left: u32,
    /// Frames that the device was given.
    frames: u32,
}

impl Inflate {
    pub(crate) const fn new(frames: u32) -> Self {
        Self { left: frames, frames: 0 }
    }
}

impl sealed::Sealed for Inflate {}

impl Kind for Inflate {
    type Output = u32;

    fn advance<C: Types>(&mut self, core: &mut Core<C>) -> Result<Poll<u32>, BalloonError> {
        core.reap()?;
        // The target may have fallen since the last call: the host gets no more than it wants now.
        self.left = u64::from(self.left).min(core.missing()?) as u32;
        if self.left > 0 && !core.deflate.is_busy() {
            let filled = core.inflate_by(self.left)?;
            self.frames = self.frames.saturating_add(filled.frames);
            self.left = match filled.supply {
                Supply::More => self.left.saturating_sub(filled.frames),
                Supply::Exhausted | Supply::AtReserve | Supply::Unusable(_) => 0,
            };
        }
        Ok(if self.left == 0 && !core.inflate.is_busy() { Poll::Ready(self.frames) } else { Poll::Pending })
    }
}
