//! The device side.

mod builder;
mod device;
mod interrupt;
mod log;
mod memory;
mod misbehave;
mod model;
mod platform;
pub mod qtest;
mod registers;
mod shared;
mod violation;

pub use builder::{Builder, StartError};
pub use device::BalloonDevice;
pub use interrupt::{InterruptLine, NoInterrupt};
pub use log::{Cause, Event, Logging};
pub use memory::{GuestMemory, MemoryError, MemoryLayout, OutOfMemory, PAGE_BYTES};
pub use misbehave::{Misbehave, PlannedFault, QueueFault, RegisterFault, Scribble, When};
pub use model::{Notifications, Work, features};
pub use platform::{FrameEvent, Ledger, NoFrames, OwnershipViolation, PlatformBuilder, Reuse, Runs, TestPlatform};
pub use registers::Registers;
pub use shared::StillBusy;
pub use violation::{Access, Violation};
