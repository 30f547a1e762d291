//! Interrupts of a device.

/// The interrupt side of a device. It can be used in an interrupt handler while the device is in use elsewhere.
pub trait InterruptSource: Clone {
    /// Acknowledges the interrupt and returns its causes. Acknowledge before checking queues and configuration: an event between
    /// check and acknowledgement would be lost. It does at most two register accesses, and none with MSI-X.
    fn acknowledge(&self) -> InterruptStatus;
}

/// The causes of an interrupt. Without a cause, the interrupt was spurious or of another device.
// conformance: construct pci.irq.2, mmio.irq.2: `used_buffers` is about all queues, and has no queue number
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterruptStatus {
    /// The device has used buffers in at least one of its queues.
    pub used_buffers: bool,
    /// The configuration has changed, or the device needs a reset.
    pub configuration: bool,
}

impl InterruptStatus {
    /// All causes, for interrupts that do not report theirs.
    pub const ANY: Self = Self { used_buffers: true, configuration: true };

    /// Returns whether there is no cause.
    pub const fn is_none(self) -> bool {
        !self.used_buffers && !self.configuration
    }
}
