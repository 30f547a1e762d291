//! Message-signaled interrupts.

/// The memory write that interrupts the CPU, for MSI and MSI-X.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The physical address that the device writes to.
    pub(crate) address: u64,
    /// The value that it writes.
    pub(crate) data: u32,
}
