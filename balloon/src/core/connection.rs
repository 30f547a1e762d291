//! The connection to the device, before, while and after it is live.

use core::fmt::{self, Debug, Display, Formatter};
use core::mem::replace;

use aerostat_spec::balloon::{self, config};
use aerostat_spec::{Feature, FeatureTable, reserved};
use aerostat_transport::{Config, Device, DeviceError, Ending, FeaturesOk, InUse, Resetting, Transport};

use crate::error::{BalloonError, ProbeError};
use crate::features::{ConfigOf, Types};

/// The connection to the device.
pub(crate) enum Connection<C: Types> {
    /// The device is not in use.
    Idle(C::Transport),
    /// The device has not finished the reset at its start. It has no queues.
    Resetting(ResettingDevice<C>),
    /// The features of the device are negotiated, and its queues are being set up.
    SettingUp(SetUpDevice<C>),
    /// The device is live.
    Live(Live<C>),
    /// The device has not finished the reset at its end, and may still use its queues.
    Ending(EndingDevice<C>),
    /// The transport is in use elsewhere, for the time of a call. It stays so if that call panics.
    Busy,
}

/// A device that is being reset at its start.
pub(crate) type ResettingDevice<C> = Device<<C as Types>::Transport, balloon::Device, Resetting>;
/// A device whose features are negotiated.
pub(crate) type SetUpDevice<C> = Device<<C as Types>::Transport, balloon::Device, FeaturesOk<<C as Types>::Features>>;
/// A device that is being reset at its end.
pub(crate) type EndingDevice<C> = Device<<C as Types>::Transport, balloon::Device, Ending>;
/// A device that has DRIVER_OK.
pub(crate) type LiveDevice<C> =
    Device<<C as Types>::Transport, balloon::Device, aerostat_transport::Live<<C as Types>::Features>>;

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
            Self::Ending(_) => Err(DeviceError::Resetting.into()),
            Self::Idle(_) | Self::Resetting(_) | Self::SettingUp(_) | Self::Busy => Err(BalloonError::NotLive),
        }
    }

    /// Returns whether the device has no queues.
    pub(crate) const fn is_unused(&self) -> bool {
        matches!(self, Self::Idle(_) | Self::Resetting(_))
    }

    /// Takes the connection, and leaves [`Connection::Busy`].
    pub(crate) fn take(&mut self) -> Self {
        replace(self, Self::Busy)
    }

    /// Takes the transport of a device that is not live. The queues of a device that has not finished its reset are lost.
    pub(crate) fn take_transport(&mut self) -> Option<C::Transport> {
        match self.take() {
            Self::Idle(transport) => Some(transport),
            Self::Resetting(device) => Some(device.into_transport()),
            Self::Ending(device) => Some(device.into_transport()),
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
            Self::Idle(_) | Self::Resetting(_) | Self::Live(_) | Self::Ending(_) | Self::Busy => {
                Err(ProbeError::NotIdle)
            }
        }
    }

    /// Takes the device whose queues are being set up.
    pub(crate) fn take_setting_up(&mut self) -> Option<SetUpDevice<C>> {
        match self.take() {
            Self::SettingUp(device) => Some(device),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Requests the reset of a device that is in use, and takes it. Takes a device whose reset was requested before.
    pub(crate) fn take_ending(&mut self) -> Option<EndingDevice<C>> {
        match self.take() {
            Self::Live(live) => Some(live.device.reset()),
            Self::SettingUp(device) => Some(device.abandon()),
            Self::Ending(device) => Some(device),
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

impl<C: Types> Debug for Connection<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self {
            Self::Idle(_) => "Idle",
            Self::Resetting(_) => "Resetting",
            Self::SettingUp(_) => "SettingUp",
            Self::Live(_) => "Live",
            Self::Ending(_) => "Ending",
            Self::Busy => "Busy",
        };
        write!(f, "{state}({self})")
    }
}

/// Shows the transport, and the features of a live device. Accesses no register.
impl<C: Types> Display for Connection<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle(transport) => transport.name(),
            Self::Resetting(device) => device.transport_name(),
            Self::SettingUp(device) => device.transport_name(),
            Self::Live(live) => live.device.transport_name(),
            Self::Ending(device) => device.transport_name(),
            Self::Busy => "transport in use",
        })?;
        match self {
            Self::Live(live) => write_features(f, live.device.accepted().bits()),
            _ => Ok(()),
        }
    }
}

/// Writes feature bits with their names.
fn write_features(f: &mut Formatter<'_>, bits: u64) -> fmt::Result {
    write!(f, "; features {bits:#x}")?;
    let entries = balloon::Features::ENTRIES.iter().chain(reserved::Features::ENTRIES);
    for entry in entries.filter(|entry| bits >> entry.bit & 1 != 0) {
        let short = entry.name.strip_prefix("VIRTIO_BALLOON_F_").or(entry.name.strip_prefix("VIRTIO_F_"));
        write!(f, " {}", short.unwrap_or(entry.name))?;
    }
    Ok(())
}
