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

/// Probing failed. Unless the device has the wrong type, it has been reset or marked FAILED. If the reset did not finish, the
/// queue memory is leaked, because the device may still use it.
#[derive(Debug, thiserror::Error)]
#[error("failed to probe the balloon: {error}")]
pub struct ProbeFailed<B> {
    /// What went wrong.
    pub error: ProbeError,
    /// The balloon, in its state before.
    pub balloon: B,
}

/// A balloon that could not be frozen or removed. It is still live.
#[derive(Debug, thiserror::Error)]
#[error("the balloon is still live: {error}")]
pub struct StillLive<B> {
    /// What went wrong.
    pub error: BalloonError,
    /// The balloon. Nothing is lost: try again, or [`abandon`](crate::Balloon::abandon) it.
    pub balloon: B,
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
