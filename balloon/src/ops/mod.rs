//! What a live balloon does.

mod deflate;
mod inflate;
mod migrate;
mod operation;
mod service;
mod wait;

pub(crate) use self::deflate::Limit;
pub use self::deflate::{Deflation, PendingDeflation};
pub(crate) use self::inflate::Inflate;
pub use self::inflate::Inflation;
pub(crate) use self::migrate::Migrate;
pub use self::migrate::Migration;
pub use self::operation::Operation;
pub(crate) use self::service::step_toward;
pub use self::service::{Pause, PauseReason, Step};
pub(crate) use self::wait::block_on;
