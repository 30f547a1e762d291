//! The virtio devices of QEMU, driven from this process over the qtest protocol. For tests.
//!
//! No guest code runs: the virtual CPU is stopped or halted. Each register access of the driver under test is one request
//! to QEMU, and both processes map the guest memory. The driver therefore runs in the test process against the same device
//! as in a deployed guest.
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
//! // Start a driver with `registers` and `memory` here.
//! qemu.set_target(32 << 20)?;
//! # Ok(())
//! # }
//! ```
//!
//! [`QemuDevice`] names a device of any other type:
//!
//! ```no_run
//! use aerostat_device::GuestMemory;
//! use aerostat_device::qtest::{Machine, Qemu, QemuDevice};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let console = QemuDevice::new("virtio-serial-device");
//! let qemu = Qemu::start_with(Machine::Microvm, &GuestMemory::new(16 << 20)?, &console)?;
//! let registers = qemu.mmio_device(3)?;
//! # Ok(())
//! # }
//! ```

mod client;
mod device;
mod error;
mod io;
mod memory;
mod memory_access;
mod mmio;
mod pci;
mod process;
mod program;
mod stderr;

pub use device::{Machine, QemuDevice};
pub use error::QemuError;
pub use io::{QtestPorts, QtestRegion};
pub use memory::{Memory, QemuMemory};
pub use pci::{AssignedFunction, Bar};
pub use process::Qemu;
pub use program::{qemu_available, qemu_or_skip};
