//! Whether the device is live, for all contexts of the balloon.

use core::sync::atomic::Ordering;

use aerostat_transport::DeviceError;

use crate::error::BalloonError;
use crate::sync::{AtomicU8, fence};

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

    // A handle adds a block to the bitmap and then reads the state. The balloon writes the state and then reads the bitmap, to return
    // all blocks. At least one of them must see what the other wrote, or the block is lost. Release and acquire do not forbid that both
    // reads return the old value, so there is a sequentially consistent fence between the two accesses on both sides: in the total
    // order of the fences, the accesses before the first one are visible after the second one.

    pub(crate) fn set(&self, state: DeviceState) {
        self.0.store(state as u8, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Returns an error if the device is not live.
    pub(crate) fn check(&self) -> Result<(), BalloonError> {
        match self.0.load(Ordering::Acquire) {
            state if state == DeviceState::Live as u8 => Ok(()),
            state if state == DeviceState::Resetting as u8 => Err(DeviceError::Resetting.into()),
            _ => Err(BalloonError::NotLive),
        }
    }

    /// Does what [`LiveFlag::check`] does, after a block was added to a bitmap. If it succeeds, the balloon sees the block when it
    /// collects all blocks after it has changed the state.
    pub(crate) fn check_added(&self) -> Result<(), BalloonError> {
        fence(Ordering::SeqCst);
        self.check()
    }
}
