//! Errors.

use aerostat_transport::queue::AddError;
use aerostat_transport::{DeviceError, QueueError, SetupError};
use thiserror::Error;

// ANCHOR: errors
/// The reason why probing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The device could not be initialized.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The queue could not be set up.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The device does not work right after it became live.
    #[error(transparent)]
    Activation(#[from] DeviceError),
}

/// A request for random bytes failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntropyError {
    /// The device broke the protocol, has to be reset, is gone, or does not answer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The request could not be added to the queue.
    #[error(transparent)]
    Request(#[from] AddError),
    /// The device returned an empty buffer. It must write at least one byte ("Device Operation", 5.4.6).
    #[error("the entropy device returned an empty buffer; repeat the request or remove the device")]
    NoBytes,
    /// The device returned an answer of at least 16 bytes that are all zero. A device that writes nothing and reports bytes does
    /// so.
    #[error("the entropy device returned {bytes} bytes that are all zero; do not use it")]
    Zeros {
        /// Length of the answer in bytes.
        bytes: u32,
    },
}
// ANCHOR_END: errors
