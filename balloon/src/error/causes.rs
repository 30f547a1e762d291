//! Why a call failed.

#[cfg(feature = "pci")]
use aerostat_transport::pci::PciError;
use aerostat_transport::{ConfigError, DeviceError, MmioError, QueueError, SetupError};
use thiserror::Error;

use super::blocks::BlockFallback;
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
    /// The registers cannot be used, where the error of a transport over MMIO was converted.
    #[error(transparent)]
    Mmio(#[from] MmioError),
    /// The function cannot be used, where the error of a transport over PCI was converted.
    #[cfg(feature = "pci")]
    #[error(transparent)]
    Pci(#[from] PciError),
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
    /// The device does not work with the queues that were set up: it asked for a reset, or failed, right after DRIVER_OK. The
    /// driver has also tried to set up all queues that the device has.
    #[error(
        "the device does not work with the queues of the declared features ({0}): declare `PageReporting`, `FreePageHint` and \
         `StatsVq` as `Optional`, or turn their features off on the host"
    )]
    Activation(DeviceError),
    /// The device does not take the poison value, and `PagePoison` is required.
    #[error(
        "the device does not take the poison value: {written:#x} was written to `poison_val`, which reads {read:#x}; declare \
         `PagePoison` as `Optional`"
    )]
    PoisonRejected {
        /// The value that was written.
        written: u32,
        /// The value that was read back.
        read: u32,
    },
    /// `StatsVq` was declared and negotiated, but the kernel supplies no statistics.
    #[error("the kernel supplies no statistics: set at least one in `Statistics::sample`, or do not declare `StatsVq`")]
    NoStatistics,
    /// Block inflation is required and cannot be used.
    #[error("block inflation cannot be used: {0}; declare `BlockInflation` as `Optional` to do without")]
    NoBlockInflation(BlockFallback),
    /// The device is already in use by this balloon.
    #[error("the device is already in use by this balloon")]
    NotIdle,
}

impl<I> From<(I, MmioError)> for ProbeError {
    /// Drops the registers that [`Mmio::new`](aerostat_transport::Mmio::new) returned.
    fn from((_, error): (I, MmioError)) -> Self {
        Self::Mmio(error)
    }
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
    /// The device has not finished a reset that was requested. It may still use its frames and queues. Repeat the call.
    #[error(transparent)]
    Reset(SetupError),
    /// The balloon was abandoned, which reset the device. For a handle: its balloon was abandoned, switched off or dropped.
    #[error(
        "the balloon was abandoned or dropped: if it exists, call `reset` and then `restore`, on a split balloon after \
         `Handles::join`; otherwise drop the handle"
    )]
    NotLive,
    /// The platform that was passed to a handle is for another device than that of the balloon: its
    /// [`Dma::domain`](aerostat_transport::Dma::domain) differs.
    #[error(
        "the platform has another IOMMU domain than the platform of the balloon; pass a platform of the same device"
    )]
    OtherPlatform,
    /// A call of the transport panicked during a reset, and the transport is lost. The device may still be live.
    #[error("the transport panicked during a reset and is lost: drop the balloon, which leaks what the device may use")]
    TransportLost,
    /// Too many calls of the balloon ended in a panic of the kernel's code: it keeps the frames that it had in these calls, and those
    /// of another panic would be lost. A reset returns them to the kernel.
    #[error(
        "too many calls ended in a panic, and another panic would lose frames: call `abandon`, or `reset` and then `restore`"
    )]
    TooManyPanics,
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
    /// The handle belongs to another balloon.
    #[error("the handle belongs to another balloon")]
    OtherBalloon,
    /// The device has arrays of the balloon.
    #[error("the device has not answered all arrays: call `service` until it no longer returns `Waiting`")]
    Busy,
}

impl BalloonError {
    /// Returns the error for a reset that has not finished.
    pub(crate) fn of_reset(error: SetupError) -> Self {
        match error {
            SetupError::Gone => Self::Device(DeviceError::Gone),
            error => Self::Reset(error),
        }
    }
}

impl From<ConfigError> for BalloonError {
    fn from(error: ConfigError) -> Self {
        Self::Device(error.into())
    }
}
