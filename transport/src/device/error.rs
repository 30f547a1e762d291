//! Errors of setting up a device.

use aerostat_spec::{DeviceId, NegotiateError};

use crate::bus::BusError;

/// What a device offers before features are negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The feature bits 0 to 63.
    pub features: u64,
    /// Accessible length of the configuration space in bytes. The device's own part may be shorter.
    pub config_bytes: usize,
}

/// A device could not be set up.
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
    /// The device has not finished its reset. It can be polled again.
    #[error("the device has not finished its reset: its status reads {status:#04x}; poll it again later")]
    ResetUnfinished {
        /// The status that was read last.
        status: u8,
    },
    /// The device is gone: its registers read all ones.
    #[error("the device is gone: its registers read all ones; it was removed, or its bus does not work")]
    Gone,
    /// The device has only the legacy interface, and the transport is for the modern one.
    #[error("the device does not offer VIRTIO_F_VERSION_1: it has only the legacy interface")]
    LegacyOnly,
    /// Required features are missing.
    #[error(transparent)]
    Negotiate(#[from] NegotiateError),
    /// The device did not accept the features.
    #[error("the device rejected the features {accepted:#x}: FEATURES_OK did not stay set")]
    FeaturesRejected {
        /// The features with bits 0 to 63 that the driver accepted.
        accepted: u64,
    },
    /// The bus could not be set up.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The counter that tells devices and resets apart is exhausted.
    #[error("failed to number the device: {} devices were set up before", usize::MAX)]
    GenerationsExhausted,
}

/// A failed step: the error, and the transport, whose device is FAILED.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SetupFailed<T> {
    /// The error.
    pub error: SetupError,
    /// The transport.
    pub transport: T,
}

/// A driver could not probe its device. `E` is the error of the driver, and `R` what it has while the device is being reset.
#[derive(Debug, thiserror::Error)]
#[error("failed to probe the device: {error}")]
pub struct ProbeFailed<T, R, E> {
    /// The reason.
    pub error: E,
    /// The transport. Unless the device has the wrong type, it has been reset or marked FAILED. `Err` contains a device that
    /// was live and has not finished its reset.
    pub transport: Result<T, R>,
}

impl<T, R, E: From<SetupError>> From<SetupFailed<T>> for ProbeFailed<T, R, E> {
    fn from(SetupFailed { error, transport }: SetupFailed<T>) -> Self {
        Self { error: error.into(), transport: Ok(transport) }
    }
}
