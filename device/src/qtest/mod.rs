//! QEMU's own devices as peers, over the qtest protocol: the balloon, and the entropy device. For tests.
//!
//! No guest code runs: the machine is never started, or its CPU sleeps. The test plays the CPU, each register access is
//! one question to QEMU, and guest memory is mapped by both sides. The driver under test runs in the test's own process,
//! against the device that deployed guests meet.
//!
//! ```no_run
//! use aerostat_device::GuestMemory;
//! use aerostat_device::qtest::{Machine, Qemu, qemu_available};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! qemu_available()?;
//! let memory = GuestMemory::new(64 << 20)?;
//! let qemu = Qemu::start(Machine::Microvm, &memory, "")?;
//! let registers = qemu.mmio_device(5)?;
//! // … give `registers` to a driver whose memory is `memory` …
//! qemu.set_target(32 << 20)?;
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod io;
mod memory;
mod mmio;
mod pci;
mod process;
mod program;
mod stderr;

pub use error::QemuError;
pub use io::{QtestPorts, QtestRegion};
pub use memory::{Memory, OwnMemory};
pub use pci::{Bar, Placed};
pub use process::{Fitted, Machine, Qemu};
pub use program::{qemu_available, qemu_or_skip};
