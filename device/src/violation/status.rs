//! Rules of device initialization and feature negotiation.

/// A violation of device initialization or feature negotiation (2.1, 2.2, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusViolation {
    /// 2.1.1: only a reset clears status bits.
    #[error("status bits cleared without a reset: from {from:#x} to {to:#x}")]
    BitsCleared {
        /// The status before the write.
        from: u32,
        /// The value that the driver wrote.
        to: u32,
    },
    /// 3.1.1: the driver sets the status bits one at a time and in order.
    #[error("status bits set out of order: from {from:#x} to {to:#x}")]
    OutOfOrder {
        /// The status before the write.
        from: u32,
        /// The value that the driver wrote.
        to: u32,
    },
    /// 3.1.1: features do not change after FEATURES_OK. On the legacy interface: after the first queue is set up or
    /// DRIVER_OK is set.
    #[error("features written after negotiation was complete")]
    FeaturesAfterFeaturesOk,
    /// 2.2.1: the driver accepts only offered features.
    #[error("features {accepted:#x} accepted, but {:#x} were not offered", accepted & !offered)]
    FeaturesNotOffered {
        /// The features that the driver accepted.
        accepted: u64,
        /// The features that the device offered.
        offered: u64,
    },
}
