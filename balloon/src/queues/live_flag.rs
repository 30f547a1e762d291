//! Whether the device is live, for all contexts of the balloon.

use core::sync::atomic::{AtomicBool, Ordering};

use aerostat_transport::DeviceError;

/// Whether the device is live. The balloon clears the flag before a reset; the handles for statistics, reporting and hinting
/// read it from other contexts.
#[derive(Debug, Default)]
pub(crate) struct LiveFlag(AtomicBool);

impl LiveFlag {
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    // Sequentially consistent, because a handle that adds a block and the balloon that clears the flag and collects all blocks
    // must not miss each other: one of them sees what the other wrote.

    pub(crate) fn set(&self, is_live: bool) {
        self.0.store(is_live, Ordering::SeqCst);
    }

    pub(crate) fn is_live(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Returns an error if the device is not live.
    pub(crate) fn check(&self) -> Result<(), DeviceError> {
        if self.is_live() { Ok(()) } else { Err(DeviceError::Resetting) }
    }
}
