//! The connection to the device, before, while and after it is live.

use core::mem::replace;

use aerostat_spec::Feature;
use aerostat_spec::balloon::{self, config};
use aerostat_transport::{Config, Device, FeaturesOk, InUse};

use crate::error::{BalloonError, ProbeError};
use crate::features::{ConfigOf, Types};

/// The connection to the device.
pub(crate) enum Connection<C: Types> {
    /// The device is not in use.
    Idle(C::Transport),
    /// The features of the device are negotiated, and its queues are being set up.
    SettingUp(SetUpDevice<C>),
    /// The device is live.
    Live(Live<C>),
    /// The transport is in use elsewhere, for the time of a call. It stays so if that call panics.
    Busy,
}

/// A device whose features are negotiated.
pub(crate) type SetUpDevice<C> = Device<<C as Types>::Transport, balloon::Device, FeaturesOk<<C as Types>::Features>>;
type LiveDevice<C> = Device<<C as Types>::Transport, balloon::Device, aerostat_transport::Live<<C as Types>::Features>>;

/// A live device.
pub(crate) struct Live<C: Types> {
    pub(crate) device: LiveDevice<C>,
    pub(crate) config: Config<ConfigOf<C>, config::Space, InUse>,
}

impl<C: Types> Connection<C> {
    /// Creates the connection to a device that has just become live.
    pub(crate) fn of(device: LiveDevice<C>) -> Self {
        Self::Live(Live { config: device.config(), device })
    }

    /// Returns the live device.
    pub(crate) fn live(&self) -> Result<&Live<C>, BalloonError> {
        match self {
            Self::Live(live) => Ok(live),
            Self::Idle(_) | Self::SettingUp(_) | Self::Busy => Err(BalloonError::NotLive),
        }
    }

    /// Returns whether the device is not in use.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_))
    }

    /// Takes the transport of a device that is not in use.
    pub(crate) fn take_idle(&mut self) -> Option<C::Transport> {
        match replace(self, Self::Busy) {
            Self::Idle(transport) => Some(transport),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Returns the device whose queues are being set up.
    pub(crate) fn setting_up(&mut self) -> Result<&mut SetUpDevice<C>, ProbeError> {
        match self {
            Self::SettingUp(device) => Ok(device),
            Self::Idle(_) | Self::Live(_) | Self::Busy => Err(ProbeError::NotIdle),
        }
    }

    /// Takes the device whose queues are being set up.
    pub(crate) fn take_setting_up(&mut self) -> Option<SetUpDevice<C>> {
        match replace(self, Self::Busy) {
            Self::SettingUp(device) => Some(device),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes the live device.
    pub(crate) fn take_live(&mut self) -> Option<LiveDevice<C>> {
        match replace(self, Self::Busy) {
            Self::Live(live) => Some(live.device),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Returns whether a feature was negotiated with the live device.
    pub(crate) fn has(&self, feature: impl Feature) -> bool {
        self.live().is_ok_and(|live| live.device.accepted().has(feature))
    }
}
