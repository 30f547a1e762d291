//! The host's side of a balloon, for tests, benchmarks and demonstrations of the driver.
//!
//! | what | who answers the driver |
//! |---|---|
//! | [`BalloonDevice`] | a device in this process, which really frees the pages |
//! | [`qtest::Qemu`] | QEMU's own device, in a machine that is never started |
//! | [`TestPlatform`] | a kernel's frames and device memory, with a [`Ledger`] of who owns what |
//!
//! The device does what it is told, checks what it is told, and keeps a log of it. What a driver must not do is a
//! [`Violation`]; how the device itself can break the rules is a [`Misbehave`]. Each part can be watched while the driver
//! believes that it runs in a kernel on a real device:
//!
//! ```text
//!   driver ── Registers (Io) ──▶ BalloonDevice ◀── the test: target, log, violations, faults
//!      │                              │
//!      └── TestPlatform ── GuestMemory┘        one shared mapping: inflated pages leave the host
//! ```
//!
//! All queues of the balloon are there: the host's side asks for statistics
//! ([`request_statistics`](BalloonDevice::request_statistics)) and for hints
//! ([`start_hinting`](BalloonDevice::start_hinting)), and takes reports as they come. [`Numbering`] and [`HintCommand`]
//! make it behave as deployed devices do.
//!
//! What lies below the queues is a choice of the [`Builder`]: the feature bits that it offers bring packed rings, indirect
//! tables, the event index, buffers in order ([`UsedEntries`]), positions in notifications, the reset of single queues, and
//! an IOMMU that the [`TestPlatform`] fills; [`Builder::legacy`] makes it a device of version 1. It is written for any host:
//! of 32 or 64 bits, little-endian or big-endian.
//!
//! # Example
//!
//! ```
//! use aerostat_balloon::{Balloon, MustTellHost, Pages, Step};
//! use aerostat_device::{BalloonDevice, TestPlatform};
//! use aerostat_transport::Mmio;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = BalloonDevice::builder().memory(16 << 20).inline().start()?;
//! let platform: TestPlatform = TestPlatform::of(&device)?;
//! let ledger = platform.ledger();
//!
//! let transport = Mmio::new(device.registers()).map_err(|(_, error)| error)?;
//! let balloon = Balloon::new(transport, platform).require(MustTellHost).probe();
//! let mut balloon = balloon.map_err(|failed| failed.error)?;
//! device.set_target(1000);
//! while balloon.service()? != Step::OnTarget {}
//!
//! assert_eq!((balloon.size(), device.actual()), (Pages(1000), 1000));
//! assert_eq!(device.host_pages().len(), ledger.lent_frames().len());
//! assert!(device.violations().is_empty() && ledger.violations().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! This crate is not published, and no library crate depends on it except for its tests.

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
mod wait;

pub use builder::{Builder, StartError};
pub use device::BalloonDevice;
pub use interrupt::{InterruptLine, NoInterrupt};
pub use log::{Cause, Event, Logging};
pub use memory::{GuestMemory, MemoryError, MemoryLayout, OutOfMemory, PAGE_BYTES};
pub use misbehave::{Misbehave, PlannedFault, QueueFault, RegisterFault, Scribble, When};
pub use model::{HintCommand, Notifications, Numbering, QueueKind, UsedEntries, Work, features};
pub use platform::{
    Accounts, FrameEvent, Ledger, NoFrames, OwnershipViolation, PlatformBuilder, Reuse, Runs, TestPlatform,
};
pub use registers::Registers;
pub use shared::StillBusy;
pub use violation::{Access, FreePageViolation, LegacyViolation, RingViolation, StatisticsViolation, Violation};
pub use wait::wait_at_most;
