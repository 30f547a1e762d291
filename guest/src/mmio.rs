//! A virtio device on MMIO, as a loader, ACPI or a device tree describes it.

/// A virtio device on MMIO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmioDevice {
    /// Physical address of its registers, in bytes.
    pub address: u64,
    /// Length of its registers, in bytes.
    pub bytes: u64,
    /// Its interrupt, as the machine numbers them.
    pub interrupt: u32,
}
