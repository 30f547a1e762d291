//! Errors.

use aerostat_transport::queue::{ReceiveError, SendError};
use aerostat_transport::{ConfigError, DeviceError, QueueError, SetupError};
use thiserror::Error;

// ANCHOR: errors
/// The reason why probing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The device could not be initialized.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The address of the memory could not be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The device has no shared memory region, although it has negotiated `VIRTIO_PMEM_F_SHMEM_REGION`.
    #[error("the persistent memory device does not describe its shared memory region, or the transport cannot find it")]
    NoRegion,
    /// The range of the memory is empty or ends beyond the address space.
    #[error("the persistent memory device has {bytes} bytes of memory at {start:#x}, which is not a valid range")]
    Range {
        /// The physical address.
        start: u64,
        /// The length in bytes.
        bytes: u64,
    },
    /// The queue could not be set up.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The device does not work right after it became live.
    #[error(transparent)]
    Activation(#[from] DeviceError),
}

/// A flush failed. What was written since the last successful flush may not be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PmemError {
    /// The device broke the protocol, has to be reset, is gone, or does not answer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The request could not be added to the queue.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The answer of the device is too short.
    #[error(transparent)]
    Receive(ReceiveError),
    /// The host failed to write the memory to its backing store.
    #[error("the persistent memory device failed to flush its memory: it answered {ret:#x}")]
    Failed {
        /// The answer, which is not 0.
        ret: u32,
    },
}

impl From<ReceiveError> for PmemError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Device(error) => Self::Device(error),
            error => Self::Receive(error),
        }
    }
}
// ANCHOR_END: errors
