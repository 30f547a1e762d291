//! Waiting for a device, with a limit.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::device::BalloonDevice;

/// A `Wait` for a device that works by itself, such as one with a thread or QEMU's: lets others run, and gives up when
/// there was no progress for `limit`.
pub fn wait_at_most(limit: Duration) -> impl FnMut(u32) -> ControlFlow<()> {
    let mut since = Instant::now();
    move |attempt| {
        if attempt == 0 {
            since = Instant::now();
        }
        std::thread::yield_now();
        if since.elapsed() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl BalloonDevice {
    /// A `Wait` for a device without a thread: lets it do one step, or time pass for delayed buffers, and gives up when
    /// there was no progress for `attempts` looks. The same run always gives the same results.
    pub fn work_at_most(&self, attempts: u32) -> impl FnMut(u32) -> ControlFlow<()> + use<> {
        let device = self.clone();
        move |attempt| {
            if !device.step() {
                device.tick();
            }
            if attempt < attempts { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
}
