//! All parts of a balloon, in one allocation of private memory.

mod balloon;
mod boxed;
mod flags;
mod numbers;

pub(crate) use self::balloon::Parts;
pub(crate) use self::flags::{Part, Shared};
pub use self::numbers::QueueNumbers;
