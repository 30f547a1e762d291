//! The way of a buffer through the device: taken, held, completed.

mod complete;
mod schedule;
mod take;

pub(crate) use schedule::Progress;
