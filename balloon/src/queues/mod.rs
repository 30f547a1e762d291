//! The queues of a balloon, and what the driver knows about the buffers in them.

mod exchange;
mod held_reports;
mod hinting;
mod live_flag;
mod pages;
mod progress;
mod reporting;
mod slot;
mod statistics;
mod step;

pub(crate) use self::exchange::Blocks;
#[cfg(all(test, loom))]
pub(crate) use self::exchange::FillWhen;
pub(crate) use self::held_reports::{ELEMENTS, HeldReport, HeldReports, acknowledge, block_bytes, unmap};
pub(crate) use self::hinting::HintingQueue;
pub(crate) use self::live_flag::{DeviceState, LiveFlag};
pub(crate) use self::pages::{ArrayContents, ENTRIES, ENTRY_BYTES, PageQueue};
pub use self::progress::Progress;
pub(crate) use self::reporting::ReportingQueue;
pub(crate) use self::statistics::StatisticsQueue;
pub use self::statistics::StatsRequest;
