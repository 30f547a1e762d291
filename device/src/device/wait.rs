//! Implementations of `Wait` for tests.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::balloon::BalloonDevice;

/// Returns a `Wait` for a device that works on its own, such as one with a thread or QEMU's: yields the CPU, and gives up
/// after `limit` without progress.
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
    /// Returns a `Wait` for a device without a thread: does one step of its work, or one tick if there is none, and gives
    /// up after `attempts` attempts without progress. Deterministic.
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
