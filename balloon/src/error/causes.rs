//! Why a call failed.

use aerostat_transport::{ConfigError, DeviceError, QueueError, SetupError};
use thiserror::Error;

use super::frame::FrameError;

/// Why a balloon could not be created. Transport and platform are returned beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NewError {
    /// `Frames::allocate_private` returned no memory, or too little.
    #[error(
        "failed to allocate {words} words of 64 bits of private memory for the balloon: see `Frames::allocate_private`"
    )]
    NoPrivateMemory {
        /// Words that the balloon needs.
        words: usize,
    },
    /// The bitmap of the kernel's frames does not fit into the address space.
    #[error("a bitmap of {frames} frames does not fit into the address space: see `Frames::range`")]
    RangeTooLarge {
        /// Frames in the range.
        frames: u64,
    },
}

/// Why a balloon could not be probed or restored. The balloon is returned beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The balloon could not be created, where the error of [`Balloon::new`](crate::Balloon::new) was converted.
    #[error(transparent)]
    New(#[from] NewError),
    /// The device could not be initialised.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A queue could not be set up.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The configuration space cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `StatsVq` was declared and negotiated, but the kernel supplies no statistics.
    #[error("the kernel supplies no statistics: set at least one in `Statistics::sample`, or do not declare `StatsVq`")]
    NoStatistics,
    /// The device is already in use by this balloon.
    #[error("the device is already in use by this balloon")]
    NotIdle,
}

/// Why an operation on a balloon failed. No frame is lost: a frame that did not go back to the kernel is still in the
/// balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BalloonError {
    /// The device broke the protocol, needs a reset, or does not answer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The kernel returned a frame that the balloon cannot take.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The device did not finish its reset.
    #[error(transparent)]
    Reset(SetupError),
    /// The device was reset by `abandon`, or the balloon of a handle was dropped.
    #[error("the device was reset: call `freeze` and then `restore`, on a split balloon after `Handles::join`")]
    NotLive,
    /// A call of the transport panicked during a reset, and the transport is lost. The device may still be live.
    #[error("the transport panicked during a reset and is lost: drop the balloon, which leaks what the device may use")]
    TransportLost,
    /// The frames would inflate the balloon beyond its target.
    #[error("the frames would inflate the balloon beyond its target")]
    BeyondTarget,
    /// The frame is not in the balloon.
    #[error("frame {frame} is not in the balloon")]
    NotInBalloon {
        /// The frame.
        frame: u64,
    },
    /// A migration needs a run of exactly one frame.
    #[error("a frame is migrated to exactly one other frame, and the run has {count}")]
    NotOneFrame {
        /// Frames in the run.
        count: u32,
    },
    /// The device has arrays of the balloon.
    #[error("the device has not answered all arrays: call `service` until it no longer returns `Waiting`")]
    Busy,
}

impl From<ConfigError> for BalloonError {
    fn from(error: ConfigError) -> Self {
        Self::Device(error.into())
    }
}
