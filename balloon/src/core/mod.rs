//! The balloon itself: its device, its page queues and the bitmap of its frames.

mod backoff;
mod blocks;
mod connection;
mod deflate;
mod holding;
mod inflate;
mod report_blocks;
mod reset;
mod state;

pub(crate) use self::backoff::OomBackoff;
pub(crate) use self::blocks::{Reports, StepReports};
pub(crate) use self::connection::{Connection, LiveDevice, ResettingDevice, SetUpDevice};
pub(crate) use self::deflate::ReleaseWhen;
pub(crate) use self::holding::Holding;
pub(crate) use self::reset::{Poll, Polls, WaitFn};
pub(crate) use self::state::{Core, Counters, Plan, Supply};
