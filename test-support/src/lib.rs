//! What the tests of several crates share: software devices that record what the driver does, guest memory, a device type
//! that exists in tests only, and files of expected output.
//!
//! Everything here panics when a test uses it wrongly or when a driver makes an access that a device does not expect.
#![allow(missing_docs, missing_debug_implementations, reason = "fields and constants have the specification's names")]
#![allow(clippy::new_without_default, reason = "tests call `new`")]

pub mod chapter;
pub mod expected;

#[cfg(feature = "transport")]
mod common_cfg;
#[cfg(feature = "transport")]
pub mod legacy_ports;
#[cfg(feature = "transport")]
mod memory;
#[cfg(all(feature = "peer", target_pointer_width = "64"))]
pub mod peer;
#[cfg(feature = "transport")]
pub mod soft_pci;
#[cfg(feature = "transport")]
mod test_devices;

#[cfg(feature = "transport")]
pub use aerostat_device::soft::{MmioQueue, RegisterAccess, Resets, SoftMmio, reg};

#[cfg(feature = "transport")]
pub use self::{
    common_cfg::{CommonCfg, PciQueue, field},
    memory::{LEN, Memory, START},
    soft_pci::{Bar, BarRegisters, SoftPci},
    test_devices::{LiveQueue, Plain, RequiresFeature0, live, live_queue, negotiated, test_device},
};
