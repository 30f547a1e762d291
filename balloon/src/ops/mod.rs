//! The operations of a live balloon, and the pauses of [`service`](crate::Balloon::service).

mod deflate;
mod inflate;
pub(crate) mod live;
mod migrate;
mod operation;
pub(crate) mod service;
mod wait;

pub(crate) use self::deflate::Limit;
pub use self::deflate::{Deflation, PendingDeflation};
pub(crate) use self::inflate::Inflate;
pub use self::inflate::Inflation;
pub(crate) use self::live::{LiveState, TypesOf, sealed};
pub(crate) use self::migrate::Migrate;
pub use self::migrate::Migration;
pub use self::operation::Operation;
pub use self::service::{Pause, PauseReason};
pub(crate) use self::service::{Step, step_toward};
pub(crate) use self::wait::block_on;
