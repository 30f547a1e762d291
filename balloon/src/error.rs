//! What can go wrong with a balloon.

use aerostat_transport::{ConfigError, DeviceError, QueueError, SetupError};
use thiserror::Error;

/// Why a balloon could not be brought to life. Everything that was given is handed back beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The device could not be initialised.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A queue could not be set up.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The configuration space cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The kernel lent no memory, or too little, for the book of ballooned frames.
    #[error("the kernel lent no memory for the book of ballooned frames, which takes {words} words of 64 bits")]
    NoPrivateMemory {
        /// Words that the book takes.
        words: usize,
    },
    /// The kernel declared statistics and supplies none.
    #[error("the kernel supplies no statistics: fill in at least one, or do not declare StatsVq")]
    NoStatistics,
    /// The span of the kernel's frames is too large for this machine's address space.
    #[error("a book of the kernel's {frames} frames does not fit into the address space")]
    SpanTooLarge {
        /// Frames in the span.
        frames: u64,
    },
}

/// Why a balloon could not do what it was asked to do. Whatever the error, no frame is lost: a frame that was not
/// given back to the kernel is still in the balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BalloonError {
    /// The device broke the protocol, needs a reset, or does not answer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The kernel gave a frame that a balloon cannot take.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The device did not finish its reset.
    #[error(transparent)]
    Reset(SetupError),
    /// The host does not want so much memory.
    #[error("so many frames would inflate the balloon past its target")]
    BeyondTarget,
    /// The frame is not in the balloon.
    #[error("frame {frame} is not in the balloon")]
    NotInBalloon {
        /// The frame.
        frame: u64,
    },
    /// One frame is exchanged for one.
    #[error("a frame is exchanged for exactly one other")]
    NotOne,
    /// Requests are still with the device: let them finish first.
    #[error("the balloon has requests with the device: call `service` until it no longer waits")]
    Busy,
}

impl From<ConfigError> for BalloonError {
    fn from(error: ConfigError) -> Self {
        Self::Device(error.into())
    }
}

/// Why frames cannot be lent to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The balloon's page numbers have 32 bits.
    #[error("frame {frame} is at or above 16 TiB, where 32-bit page numbers end; give frames from below")]
    TooHigh {
        /// The first frame of the run.
        frame: u64,
    },
    /// The frame is outside the span that the kernel said its frames come from.
    #[error("frame {frame} is outside the span of `Frames::range`")]
    OutsideSpan {
        /// The first frame of the run.
        frame: u64,
    },
    /// The frames are not what was asked for.
    #[error("the run from frame {frame} on is not a block of {frames} frames that starts at a multiple of {frames}")]
    NotABlock {
        /// The first frame of the run.
        frame: u64,
        /// Frames in a block.
        frames: u32,
    },
    /// The platform did not make the frames reachable for the device. They are the kernel's again.
    #[error("the {frames} frames from frame {frame} on could not be mapped for the device: see `Dma::map`")]
    NotMapped {
        /// The first frame of the run.
        frame: u64,
        /// Frames in the run.
        frames: u32,
    },
    /// The frame is with the host already: the kernel gave it twice. It stays with the host; the other frames of the run are
    /// the kernel's.
    #[error("frame {frame} or one of its run is with the host already: the kernel's allocator gave it twice")]
    Twice {
        /// The first frame of the run.
        frame: u64,
    },
}
