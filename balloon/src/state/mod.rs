//! The states of a balloon.

mod balloon;
mod blocks;
mod frozen;
mod handles;
mod idle;
mod live;
mod owned;
mod ready;
mod split;
mod unprobed;

pub use self::balloon::Balloon;
pub use self::frozen::Frozen;
pub use self::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
pub use self::ready::Ready;
pub use self::split::{Handles, Split};
pub use self::unprobed::Unprobed;
