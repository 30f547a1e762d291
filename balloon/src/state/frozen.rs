//! Freezing, restoring, removing and abandoning a balloon.

use core::fmt::{self, Debug, Formatter};

use aerostat_transport::{Transport, Wait};

use super::balloon::Balloon;
use super::owned::Owned;
use super::ready::Ready;
use crate::core::Reset;
use crate::error::{BalloonError, ProbeFailed, StillLive};
use crate::features::{BalloonFeatureSet, Chosen, Platform};

/// State: the device is reset, the kernel owns every frame, and no queue exists.
pub struct Frozen<T: Transport, P: Platform<F>, F: BalloonFeatureSet> {
    owned: Owned<Chosen<T, P, F>>,
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Debug for Frozen<T, P, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen").field("parts", &self.owned).finish()
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Ready<T, P, F>> {
    /// Deflates the balloon completely, tells the host, writes `actual`, and resets the device. It waits for the device
    /// through `wait`; a kernel that cannot wait first calls [`drain`](Balloon::drain) until it returns
    /// [`OnTarget`](crate::Step::OnTarget).
    ///
    /// At the end it polls the status register for the end of the reset, up to 1,000,000 times and not through `wait`.
    ///
    /// After [`abandon`](Balloon::abandon), it only changes the state.
    ///
    /// # Errors
    ///
    /// [`StillLive`] with the balloon and the reason.
    pub fn freeze(mut self, wait: &mut impl Wait) -> Result<Balloon<Frozen<T, P, F>>, StillLive<Self>> {
        let emptied = match self.empty(wait) {
            // After `abandon`, no frames are left, and it does nothing.
            Ok(()) | Err(BalloonError::NotLive) => self.abandon(),
            Err(error) => Err(error),
        };
        match emptied {
            Ok(()) => Ok(Balloon { state: Frozen { owned: self.state.owned } }),
            Err(error) => Err(StillLive { error, balloon: self }),
        }
    }

    /// [Freezes](Balloon::freeze) the balloon and takes transport and platform out of it.
    ///
    /// # Errors
    ///
    /// [`StillLive`] with the balloon and the reason.
    pub fn remove(self, wait: &mut impl Wait) -> Result<(T, P), StillLive<Self>> {
        self.freeze(wait).map(Balloon::<Frozen<T, P, F>>::into_parts)
    }

    /// Resets the device without telling the host about the frames in the balloon: for a device that broke the protocol. All
    /// frames go back to the kernel, with undefined contents.
    ///
    /// From here on every operation returns [`BalloonError::NotLive`], until the balloon is [frozen](Balloon::freeze) and
    /// [restored](Balloon::restore).
    ///
    /// It polls the status register for the end of the reset, up to 1,000,000 times.
    ///
    /// # Errors
    ///
    /// * [`BalloonError::Reset`] if the device does not finish its reset: it may then still use the frames and queues. Try again.
    /// * [`BalloonError::TransportLost`] after a panic of the transport.
    pub fn abandon(&mut self) -> Result<(), BalloonError> {
        let parts = self.state.owned.get_mut();
        parts.reset(Reset::Waiting).map_err(BalloonError::Reset)?;
        match parts.core.connection.is_idle() {
            true => Ok(()),
            false => Err(BalloonError::TransportLost),
        }
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Frozen<T, P, F>> {
    /// Probes the device again, with the same options. The first [`service`](Balloon::service) starts toward the target.
    ///
    /// It polls the status register for the end of the reset, up to 1,000,000 times. If it fails after that, it resets the
    /// device again and polls up to as many times.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the balloon, which is still frozen: for instance when the device no longer offers a required
    /// feature.
    pub fn restore(mut self) -> Result<Balloon<Ready<T, P, F>>, ProbeFailed<Self>> {
        match self.state.owned.get_mut().probe() {
            Ok(()) => Ok(Balloon { state: Ready { owned: self.state.owned } }),
            Err(error) => Err(ProbeFailed { error, balloon: self }),
        }
    }

    /// Takes transport and platform out of the balloon.
    pub fn into_parts(self) -> (T, P) {
        self.state.owned.into_idle()
    }
}
