//! A balloon whose device was not probed.

use core::fmt::{self, Debug, Formatter};

use aerostat_transport::{Transport, Wait};

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
    /// If the device does not work with the queues of the negotiated features, which it says right after DRIVER_OK, or does not
    /// take the poison value, the probe is repeated with all queues of the device, or without an optional
    /// [`PagePoison`](crate::feature::PagePoison).
    ///
    /// It waits for the end of resets through `wait`: of one if the first attempt succeeds, of at most six. With a `wait` that breaks
    /// at once, the call is bounded: if a reset has not finished, the error is
    /// [`SetupError::ResetUnfinished`](aerostat_transport::SetupError::ResetUnfinished), and the next call of `probe` continues.
    ///
    /// It does at most 3000 register accesses: at most 1000 in each of up to three attempts, most of them because a field of the
    /// configuration is read up to 64 times while the configuration changes. It does at most 600 while that does not change.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the balloon, which is unprobed again.
    pub fn probe(mut self, wait: &mut impl Wait) -> Result<Balloon<Ready<T, P, F>>, ProbeFailed<Self>> {
        match self.state.owned.probe(wait) {
            Ok(()) => Ok(Balloon { state: Ready { owned: self.state.owned } }),
            Err(error) => {
                self.state.owned.log_probe(&error);
                Err(ProbeFailed { error, balloon: self })
            }
        }
    }
}

super::idle::idle_state!(Unprobed);
