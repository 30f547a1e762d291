//! All calls of the driver under test.

mod live;
mod ready;
mod split;
mod state;

pub(crate) use self::state::{Driver, End};
