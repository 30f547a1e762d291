//! Whether the device is live, for all contexts of the balloon.

use core::sync::atomic::{AtomicU8, Ordering};

use aerostat_transport::DeviceError;

use crate::error::BalloonError;

/// The state of the device, as the handles see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum DeviceState {
    /// The device is not in use: it was not probed, or it was reset.
    NotLive,
    /// The device is live.
    Live,
    /// A reset was requested.
    Resetting,
}

/// The state of the device. The balloon changes it before and after a reset; the handles for statistics, reporting and hinting
/// read it from other contexts.
#[derive(Debug)]
pub(crate) struct LiveFlag(AtomicU8);

impl LiveFlag {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(DeviceState::NotLive as u8))
    }

    // Sequentially consistent, because a handle that adds a block and the balloon that changes the state and collects all
    // blocks must not miss each other: one of them sees what the other wrote.

    pub(crate) fn set(&self, state: DeviceState) {
        self.0.store(state as u8, Ordering::SeqCst);
    }

    /// Returns an error if the device is not live.
    pub(crate) fn check(&self) -> Result<(), BalloonError> {
        match self.0.load(Ordering::SeqCst) {
            state if state == DeviceState::Live as u8 => Ok(()),
            state if state == DeviceState::Resetting as u8 => Err(DeviceError::Resetting.into()),
            _ => Err(BalloonError::NotLive),
        }
    }
}
