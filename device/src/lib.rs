//! The device side of virtio, for tests, benchmarks and demos of guest drivers of any type.
//!
//! | type | purpose |
//! |---|---|
//! | [`BalloonDevice`] | a memory balloon device in this process, which discards the inflated pages |
//! | [`soft`] | registers and queues of a device of any type, which a test controls |
//! | [`qtest::Qemu`] | a QEMU machine whose virtio device is driven from this process |
//! | [`TestPlatform`] | the kernel's side of the balloon; its [`Ledger`] records the owner of every frame |
//!
//! The in-process device checks what the driver does. It records every broken rule as a [`Violation`] and keeps a log of
//! [`Event`]s. A test can inject a [`Fault`] to see how the driver handles a device that breaks the rules. The driver
//! cannot distinguish it from a real device:
//!
//! ```text
//!   driver ── Registers (Io) ──▶ BalloonDevice ◀── test: target, log, violations, faults
//!      │                              │
//!      └── TestPlatform ── GuestMemory┘        one shared mapping: the host discards inflated pages
//! ```
//!
//! The device has all queues of the balloon. The host's side requests statistics with
//! [`request_statistics`](BalloonDevice::request_statistics) and hints with
//! [`start_hinting`](BalloonDevice::start_hinting).
//!
//! [`Quirk`] names properties of deployed devices. [`Builder::like`] sets all of them that a [`Hypervisor`] has. The host can
//! [reset](BalloonDevice::host_reset), [remove](BalloonDevice::remove) or [pause](BalloonDevice::pause) the device at any
//! time.
//!
//! The [`Builder`] chooses the transport features by the offered feature bits: packed rings, indirect descriptors, event
//! index, in-order completion ([`UsedEntries`]), notification data, queue reset, and an IOMMU that [`TestPlatform`]
//! programs. [`Builder::legacy`] makes it a version 1 device. The crate supports 32-bit and 64-bit, little-endian and
//! big-endian hosts.
//!
//! # Log of exchanges
//!
//! If a logger of the crate [`log`] accepts records of the level `trace` with the target [`EXCHANGE_LOG`], the in-process devices log
//! each buffer that they take or complete. `cargo xtask decode <device> --log` makes such a log readable.
//!
//! # Example
//!
//! ```
//! use aerostat_balloon::{Balloon, Options, Pages, Step, features};
//! use aerostat_device::{BalloonDevice, TestPlatform};
//! use aerostat_transport::{Mmio, Spin};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = BalloonDevice::builder().memory(16 << 20).inline().start()?;
//! let platform: TestPlatform = TestPlatform::of(&device)?;
//! let ledger = platform.ledger();
//!
//! let transport = Mmio::new(device.registers()).map_err(|(_, error)| error)?;
//! features! { struct Features { MustTellHost: Required } }
//! let mut balloon = Balloon::new(transport, platform, Options::new(Features))?.probe(&mut Spin::default())?;
//! device.set_target(1000);
//! while balloon.service()? != Step::OnTarget {}
//!
//! assert_eq!((balloon.size(), device.actual()), (Pages(1000), 1000));
//! assert_eq!(device.host_pages().len(), ledger.allocated_frames().len());
//! assert!(device.violations().is_empty() && ledger.violations().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! Library crates use it only in their tests. To test a driver of your own, see [`soft`] and [`qtest`]; the chapter "Testing a
//! driver" of the book explains it step by step.

mod device;
mod event;
mod exchange;
mod fault;
mod hypervisor;
mod memory;
mod model;
mod platform;
#[cfg(feature = "qtest")]
pub mod qtest;
mod quirk;
pub mod soft;
mod violation;
mod width;

pub use device::{BalloonDevice, Builder, InterruptLine, NoInterrupt, Registers, StartError, StillBusy, wait_at_most};
pub use event::{Cause, Event, Logging};
pub use exchange::EXCHANGE_LOG;
pub use fault::{Fault, PlannedFault, QueueFault, RegisterFault, Scribble, When};
pub use hypervisor::Hypervisor;
pub use memory::{GuestMemory, MemoryError, MemoryLayout, OutOfMemory, PAGE_BYTES};
pub use model::{HintCommand, Notifications, Numbering, QueueKind, UsedEntries, Work, features};
pub use platform::{
    FrameEvent, Ledger, ManagedFrames, NoFrames, OwnershipViolation, PlatformBuilder, Reuse, Runs, TestPlatform,
};
pub use quirk::{Quirk, Quirks};
pub use violation::{
    Access, ConfigViolation, FreePageViolation, LegacyViolation, PageViolation, QueueViolation, RegisterViolation,
    RingViolation, StatisticsViolation, StatusViolation, Violation,
};
