//! The result of a step of free page reporting or hinting.

/// Whether the device still has blocks after a step of free page reporting or hinting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The device has no blocks: call again when there is new free memory to report, or when the configuration changes.
    Idle,
    /// The device has blocks: call again after its interrupt.
    Waiting,
}
