//! Failed calls, with what they consumed.

use core::fmt::{self, Debug, Formatter};

use super::causes::{BalloonError, NewError, ProbeError};

/// [`Balloon::new`](crate::Balloon::new) failed.
#[derive(thiserror::Error)]
#[error("failed to create the balloon: {error}")]
pub struct NewFailed<T, P> {
    /// What went wrong.
    pub error: NewError,
    /// The transport, unchanged.
    pub transport: T,
    /// The platform, unchanged.
    pub platform: P,
}

impl<T, P> Debug for NewFailed<T, P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewFailed").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T, P> From<NewFailed<T, P>> for ProbeError {
    /// Drops transport and platform.
    fn from(failed: NewFailed<T, P>) -> Self {
        Self::New(failed.error)
    }
}

impl<B> From<ProbeFailed<B>> for ProbeError {
    /// Drops the balloon, which returns its private memory to the kernel.
    fn from(failed: ProbeFailed<B>) -> Self {
        failed.error
    }
}

/// Probing failed. Unless the device has the wrong type, it has been reset or marked FAILED. If a reset has not finished, the
/// balloon keeps the memory of the queues, because the device may still use it, and the next attempt continues the reset.
#[derive(Debug, thiserror::Error)]
#[error("failed to probe the balloon: {error}")]
pub struct ProbeFailed<B> {
    /// What went wrong.
    pub error: ProbeError,
    /// The balloon, in its state before.
    pub balloon: B,
}

/// A balloon that could not be frozen, reset or removed. Nothing is lost. The error says in which state the balloon is:
///
/// * [`BalloonError::Reset`]: a reset was requested and has not finished. The frames that were in the balloon are still in it. The
///   same call continues the reset; the balloon can do nothing else.
/// * [`DeviceError::Gone`](aerostat_transport::DeviceError::Gone): see [`assume_gone`](crate::Balloon::assume_gone).
/// * [`BalloonError::TransportLost`]: a reset was requested, and the transport panicked. Drop the balloon.
/// * Any other error: no reset was requested. A balloon whose device works is still live.
#[derive(Debug, thiserror::Error)]
#[error("failed to freeze the balloon: {error}")]
pub struct FreezeFailed<B> {
    /// What went wrong.
    pub error: BalloonError,
    /// The balloon: try again, [`reset`](crate::Balloon::reset) it, or drop it.
    pub balloon: B,
}

impl<B> From<FreezeFailed<B>> for BalloonError {
    /// Drops the balloon, which resets the device without waiting.
    fn from(failed: FreezeFailed<B>) -> Self {
        failed.error
    }
}

/// Frames that the balloon did not take.
#[derive(Debug, thiserror::Error)]
#[error("the balloon did not take the frames: {error}")]
pub struct Rejected<R> {
    /// The frames. `None` after a [double allocation](super::FrameError::DoubleAllocation): the frames of the run that the
    /// balloon does not have went back through [`Frames::deallocate`](crate::Frames::deallocate).
    pub run: Option<R>,
    /// Why.
    pub error: BalloonError,
}
