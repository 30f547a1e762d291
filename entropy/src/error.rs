//! What can go wrong.

use aerostat_transport::queue::AddError;
use aerostat_transport::{DeviceError, QueueError, SetupError, SetupFailed};
use thiserror::Error;

// ANCHOR: errors
/// Why a device could not be brought to life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The device could not be initialised.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Its queue could not be set up.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A device that did not come to life: why, and the transport as it was given.
#[derive(Debug, Error)]
#[error("the entropy device did not come to life: {error}")]
pub struct ProbeFailed<T> {
    /// What went wrong.
    pub error: ProbeError,
    /// The transport. The device is FAILED or reset, unless it is of another type.
    pub transport: T,
}

impl<T> From<SetupFailed<T>> for ProbeFailed<T> {
    fn from(SetupFailed { error, transport }: SetupFailed<T>) -> Self {
        Self { error: error.into(), transport }
    }
}

/// Why there are no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntropyError {
    /// The device broke the protocol, needs a reset, or does not answer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The request could not be made.
    #[error(transparent)]
    Request(#[from] AddError),
    /// The device has to put at least one byte into each buffer ("Device Operation", 5.4.6).
    #[error("the entropy device returned a buffer without a single byte; ask again, or remove it")]
    NoBytes,
}
// ANCHOR_END: errors
