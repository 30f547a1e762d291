//! The state of a device: [`State`] and the data it consists of.

mod config_space;
mod device;
mod held;
mod hinting;
mod host;
mod queue;
mod request;
mod statistics;

pub(crate) use device::State;
pub(crate) use hinting::{CommandRead, DONE, STOP};
pub(crate) use queue::{Queue, QueueReset};
pub(crate) use request::{CompleteWhen, Hint, NewBuffer, Payload, Report, ReportMemory, Request};
