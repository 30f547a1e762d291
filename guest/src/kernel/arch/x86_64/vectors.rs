//! Interrupt vectors with a fixed use. The vectors below [`TIMER`] are for exceptions.

/// The vector of the timer.
pub(super) const TIMER: u8 = 32;
/// The vector of a spurious interrupt, which was withdrawn before the CPU could handle it.
pub(super) const SPURIOUS: u8 = 255;
