//! The in-process device: the handle of the test, the registers of the driver, and the thread or call that does the work.

mod balloon;
mod builder;
mod interrupt;
mod registers;
mod shared;
mod wait;

pub use balloon::BalloonDevice;
pub use builder::{Builder, StartError};
pub use interrupt::{InterruptLine, NoInterrupt};
pub use registers::Registers;
pub use shared::StillBusy;
pub use wait::wait_at_most;
