//! What a kernel implements for the features that it declares. Every kernel implements [`Frames`].

mod blocks;
pub(crate) mod frames;
mod statistics;

pub use aerostat_spec::balloon::StatTag;

pub use self::blocks::{BlockFrames, FillFrames, FreeContents, HintFrames, ReportFrames};
pub use self::frames::ManagedChange;
pub(crate) use self::frames::{Frames, PrivateMemory};
pub(crate) use self::statistics::TAGS;
pub use self::statistics::{Sample, Statistics};
