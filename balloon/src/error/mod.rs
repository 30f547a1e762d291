//! Errors that return what a failed call consumed, and the reasons in them. [`BalloonError`] and [`ProbeError`] are at the
//! root of the crate.

mod blocks;
pub(crate) mod causes;
mod failed;
mod frame;

pub use self::blocks::BlockFallback;
pub use self::causes::NewError;
pub(crate) use self::causes::{BalloonError, ProbeError};
pub use self::failed::{FreezeFailed, NewFailed, ProbeFailed, Rejected};
pub use self::frame::FrameError;
