//! The balloon itself: its device, its page queues and the bitmap of its frames.

mod backoff;
mod connection;
mod deflate;
mod inflate;
mod reset;
mod state;

pub(crate) use self::backoff::OomBackoff;
pub(crate) use self::connection::{Connection, LiveDevice, ResettingDevice, SetUpDevice};
pub(crate) use self::deflate::ReleaseWhen;
pub(crate) use self::reset::{Poll, Polls, WaitFn};
pub(crate) use self::state::{Core, Counters, Plan, Supply};
