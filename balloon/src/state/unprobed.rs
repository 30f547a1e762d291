//! A balloon whose device was not probed.

use core::fmt::{self, Debug, Formatter};

use aerostat_transport::Transport;

use super::balloon::Balloon;
use super::owned::Owned;
use super::ready::Ready;
use crate::error::{NewFailed, ProbeFailed};
use crate::features::{BalloonFeatureSet, Chosen, Platform};
use crate::options::Options;
use crate::parts::Parts;

/// State: the device was not accessed.
pub struct Unprobed<T: Transport, P: Platform<F>, F: BalloonFeatureSet> {
    pub(super) owned: Owned<Chosen<T, P, F>>,
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Debug for Unprobed<T, P, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unprobed").field("parts", &self.owned).finish()
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Unprobed<T, P, F>> {
    /// Creates a balloon on the device that `transport` reaches, with memory from `platform`. It does not access the
    /// device.
    ///
    /// # Errors
    ///
    /// [`NewFailed`] with transport and platform, if the kernel did not allocate the private memory of the balloon.
    pub fn new(transport: T, platform: P, options: Options<F>) -> Result<Self, NewFailed<T, P>> {
        match Parts::boxed(transport, platform, options) {
            Ok(parts) => Ok(Self { state: Unprobed { owned: Owned::new(parts) } }),
            Err((error, transport, platform)) => Err(NewFailed { error, transport, platform }),
        }
    }

    /// Resets the device, negotiates the declared features, sets up the queues, and sets DRIVER_OK. The balloon is empty then;
    /// the first [`service`](Balloon::service) starts toward the target.
    ///
    /// It polls the status register for the end of the reset, up to 1,000,000 times. If it fails after that, it resets the
    /// device again and polls up to as many times.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the balloon, which is unprobed again.
    pub fn probe(mut self) -> Result<Balloon<Ready<T, P, F>>, ProbeFailed<Self>> {
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
