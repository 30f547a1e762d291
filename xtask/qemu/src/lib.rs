//! Guests in QEMU: starts them, watches them, controls them over QMP and the serial console, and stops them.

pub mod arguments;
pub mod cpu;
pub mod error;
pub mod features;
pub mod machine;
pub mod migration;
pub mod program;
mod qmp;
pub mod resident;
pub mod serial;
pub mod statistics;
pub mod transport;
pub mod vm;
