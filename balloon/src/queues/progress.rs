//! The result of a step of free page reporting or hinting.

/// What a step of free page reporting or hinting has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing: call again when there is new free memory to report, or when the configuration changes.
    Idle,
    /// The device has blocks: call again after its interrupt.
    Waiting,
}
