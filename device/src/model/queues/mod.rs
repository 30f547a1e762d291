//! What the device does with the buffers of each queue.

mod free_pages;
mod held;
mod hinting;
mod pages;
mod reporting;
mod statistics;

pub(crate) use hinting::TakenBack;
pub(crate) use pages::MAX_ENTRIES;
