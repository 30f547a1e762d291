//! What can go wrong before a device is live.

use aerostat_spec::{DeviceId, NegotiateError};

use crate::transport::BusError;

/// What a device offers, before features are negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// All feature bits.
    pub features: u64,
    /// Length of the configuration space, in bytes: at least what the device has.
    pub config_bytes: usize,
}

/// Why a device could not be brought to life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The device is of another type. Nothing was written to it.
    #[error("the device has id {found}, and this driver is for id {expected}")]
    WrongDevice {
        /// The id that the driver is for.
        expected: DeviceId,
        /// The id that the device has.
        found: DeviceId,
    },
    /// The device does not finish its reset.
    #[error("the device has not finished its reset: its status still reads {status:#04x}")]
    ResetUnfinished {
        /// The status that was read last.
        status: u8,
    },
    /// The device has only the legacy interface, and this transport is for the modern one.
    #[error("the device does not offer VIRTIO_F_VERSION_1: it has only the legacy interface")]
    LegacyOnly,
    /// Required features are missing.
    #[error(transparent)]
    Negotiate(#[from] NegotiateError),
    /// The device does not agree to the features.
    #[error("the device rejected the features {accepted:#x}: FEATURES_OK did not stay set")]
    FeaturesRejected {
        /// The features that were accepted.
        accepted: u64,
    },
    /// The bus could not be set up.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// There were more lives of devices than can be told apart.
    #[error("more devices were started than this system can tell apart")]
    GenerationsExhausted,
}

/// A failed step: the error, and the transport of a device that is FAILED.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SetupFailed<T> {
    /// What went wrong.
    pub error: SetupError,
    /// The transport, as it was given.
    pub transport: T,
}
