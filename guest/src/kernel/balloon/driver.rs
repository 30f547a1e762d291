//! The driver and its states.

use aerostat_balloon::{Balloon, Frozen, Ready};
use log::error;

use super::features::KernelFeatures;
use crate::kernel::platform::Platform;
use crate::kernel::virtio::AnyTransport;
use crate::kernel::wait::Sleep;

/// A live balloon of this kernel.
pub(crate) type Live = Balloon<Ready<AnyTransport, Platform, KernelFeatures>>;
/// A frozen balloon of this kernel.
pub(super) type Stopped = Balloon<Frozen<AnyTransport, Platform, KernelFeatures>>;

/// The driver, in one of its states. A change of the state that fails is logged.
#[derive(Debug)]
pub(super) enum Driver {
    /// The device is in use.
    Live(Live),
    /// The device failed and has not finished its reset: it may still use the memory of the balloon.
    Failed(Live),
    /// The device is reset, and the kernel owns all frames.
    Frozen(Stopped),
}

impl Driver {
    /// Deflates the balloon completely and resets the device. If the device does not cooperate, it is only reset.
    pub(super) fn freeze(self) -> Self {
        let Self::Live(live) = self else { return self.reset() };
        match live.freeze(&mut Sleep::default()) {
            Ok(frozen) => Self::Frozen(frozen),
            Err(failed) => {
                error!("failed to freeze the balloon: {failed}");
                Self::Failed(failed.balloon).reset()
            }
        }
    }

    /// Resets the device without deflating the balloon. All frames go back to the kernel.
    pub(super) fn reset(self) -> Self {
        let live = match self {
            Self::Live(live) | Self::Failed(live) => live,
            Self::Frozen(_) => return self,
        };
        match live.reset(&mut Sleep::default()) {
            Ok(frozen) => Self::Frozen(frozen),
            Err(failed) => {
                error!("failed to reset the balloon: {}", failed.error);
                Self::Failed(failed.balloon)
            }
        }
    }

    /// Probes the device again if it is reset.
    pub(super) fn restore(self) -> Self {
        let Self::Frozen(frozen) = self else { return self };
        match frozen.restore(&mut Sleep::default()) {
            Ok(live) => Self::Live(live),
            Err(failed) => {
                error!("failed to restore the balloon: {}", failed.error);
                Self::Frozen(failed.balloon)
            }
        }
    }
}
