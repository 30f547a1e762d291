//! Rules of the configuration space.

use super::registers::Access;

/// An invalid access to the configuration space of the balloon (5.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigViolation {
    /// 5.5.4: the driver does not write this field.
    #[error("read-only configuration field at {offset:#x} written")]
    ReadOnly {
        /// Offset in bytes from the start of the configuration space.
        offset: usize,
    },
    /// 3.1.1: the configuration space is not written before FEATURES_OK.
    #[error("configuration field at {offset:#x} written while the status was {status:#x}")]
    OutOfTurn {
        /// Offset in bytes from the start of the configuration space.
        offset: usize,
        /// The status at that time.
        status: u32,
    },
    /// 5.5.4: a field is accessed only if its feature is negotiated.
    #[error("{access} of the configuration field at {offset:#x}, but its feature was not negotiated")]
    WithoutFeature {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the configuration space.
        offset: usize,
    },
    /// 5.5.6.6: the driver writes `poison_val` before DRIVER_OK, also if the value is 0.
    #[error("DRIVER_OK set before poison_val was written")]
    PoisonNotWritten,
    /// 5.5.6.6: `poison_val` does not change while DRIVER_OK is set.
    #[error("poison_val written while the status was {status:#x}")]
    PoisonAfterDriverOk {
        /// The status at that time.
        status: u32,
    },
}
