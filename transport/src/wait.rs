//! Waiting, for the forms that block.

use core::ops::ControlFlow;

/// How a kernel waits for a device. Any `FnMut(u32) -> ControlFlow<()>` is one.
///
/// Nothing in this framework needs it but the blocking forms, each of which takes it as an argument.
pub trait Wait {
    /// Called between two looks at the device, with the number of looks since it last made progress, from 0 on. It may
    /// spin, halt until an interrupt, or park the thread.
    fn wait(&mut self, attempt: u32) -> ControlFlow<()>;
}

impl<F: FnMut(u32) -> ControlFlow<()>> Wait for F {
    fn wait(&mut self, attempt: u32) -> ControlFlow<()> {
        self(attempt)
    }
}

/// Spins, and gives up after a number of looks without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spin {
    /// Looks without progress after which to give up.
    pub limit: u32,
}

impl Default for Spin {
    /// A limit of 2^20 looks without progress: each of them reads a register, so that this is about a second.
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
