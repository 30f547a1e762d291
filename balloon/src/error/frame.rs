//! Frames that the balloon cannot take.

use thiserror::Error;

/// Why the balloon cannot take frames from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The balloon's page numbers have 32 bits.
    #[error("frame {frame} is at or above 16 TiB, where 32-bit page numbers end: allocate frames below")]
    TooHigh {
        /// The first frame of the run.
        frame: u64,
    },
    /// The frame, or the block for reporting or hinting, is outside `Frames::range`.
    #[error("frame {frame} or another frame of its run is outside `Frames::range`")]
    OutsideRange {
        /// The first frame of the run.
        frame: u64,
    },
    /// The run is not a block or, where several were requested, not made of blocks, or it is longer than what was requested.
    #[error(
        "the run at frame {frame} is not made of blocks of {frames} frames from a multiple of {frames} on, or is too long"
    )]
    NotABlock {
        /// The first frame of the run.
        frame: u64,
        /// Frames in a block.
        frames: u32,
    },
    /// The platform did not map the frames for the device. They went back to the kernel.
    #[error("failed to map {frames} frames from frame {frame} for the device: see `Dma::map`")]
    NotMapped {
        /// The first frame of the run.
        frame: u64,
        /// Frames in the run.
        frames: u32,
    },
    /// The frame is already in the balloon or with the device: the kernel allocated it twice. It stays there. The other
    /// frames of a run from [`Frames::allocate`](crate::Frames::allocate) went back to the kernel; a run that was passed to the
    /// balloon is in the error.
    #[error(
        "frame {frame} or another frame of its run is already in the balloon or with the device (double allocation)"
    )]
    DoubleAllocation {
        /// The first frame of the run.
        frame: u64,
    },
}
