//! Waiting, for the blocking forms of operations.

use core::ops::ControlFlow;

/// How a kernel waits for a device. Any `FnMut(u32) -> ControlFlow<()>` implements it.
///
/// Only the blocking forms of operations need it, and each takes it as an argument.
pub trait Wait {
    /// Waits between two polls of the device: by spinning, by halting until an interrupt, or by parking the thread. `attempt`
    /// counts the polls since the device last made progress, from 0. `Break` gives up.
    fn wait(&mut self, attempt: u32) -> ControlFlow<()>;
}

impl<F: FnMut(u32) -> ControlFlow<()>> Wait for F {
    fn wait(&mut self, attempt: u32) -> ControlFlow<()> {
        self(attempt)
    }
}

/// A [`Wait`] that spins, and gives up after a number of polls without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spin {
    /// Polls without progress after which to give up.
    pub limit: u32,
}

impl Default for Spin {
    /// Gives up after 2^20 polls without progress. Each reads a register, so this takes about a second.
    fn default() -> Self {
        Self { limit: 1 << 20 }
    }
}

impl Wait for Spin {
    fn wait(&mut self, attempt: u32) -> ControlFlow<()> {
        core::hint::spin_loop();
        if attempt < self.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
