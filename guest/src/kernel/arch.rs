//! What differs from architecture to architecture. Each one offers the same functions.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod device_tree;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;
#[cfg(target_arch = "riscv64")]
pub(crate) use riscv64::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

/// What a device has to write, and where, to interrupt the CPU: for MSI and MSI-X.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The address that the device writes to.
    pub(crate) address: u64,
    /// The value that it writes there.
    pub(crate) data: u32,
}
