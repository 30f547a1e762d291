//! Why a negotiation fails.

/// Why a negotiation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiateError {
    /// The device does not offer a required feature.
    #[error("the device does not offer {name} (bit {bit}), which the driver requires (offered: {offered:#x})")]
    NotOffered {
        /// The name of the feature in the specification.
        name: &'static str,
        /// The number of its bit.
        bit: u32,
        /// Mask of the features that the device offers: of bits 0 to 63, or of bits 64 to 127 if `bit` is one of them.
        offered: u64,
    },
    /// A required feature needs features that are not accepted.
    #[error("{name} (bit {bit}) is required but needs features that are not accepted (missing: {missing:#x})")]
    Prerequisite {
        /// The name of the feature in the specification.
        name: &'static str,
        /// The number of its bit.
        bit: u32,
        /// Mask of the missing features with bits 0 to 63. If any feature of a group is enough, the whole group is in the mask.
        missing: u64,
    },
    /// The transport or the driver does not support a required feature.
    #[error("{name} (bit {bit}) is required, but the transport or the driver does not support it")]
    Unsupported {
        /// The name of the feature in the specification.
        name: &'static str,
        /// The number of its bit.
        bit: u32,
    },
}
