//! Freezing, restoring, removing and resetting a balloon.

use core::fmt::{self, Debug, Formatter};

use aerostat_transport::{DeviceError, Transport, Wait};

use super::balloon::Balloon;
use super::owned::Owned;
use super::ready::Ready;
use crate::error::{BalloonError, FreezeFailed, ProbeError, ProbeFailed};
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
    /// Deflates the balloon completely, tells the host, writes `actual`, and resets the device: for a device that works. It waits
    /// for the device through `wait`.
    ///
    /// A kernel that cannot wait first calls [`drain`](Balloon::drain) until it returns [`OnTarget`](crate::Step::OnTarget), and
    /// then [`poll_abandon`](Balloon::poll_abandon) until it is ready. Then `freeze` does not wait. If it does not become ready,
    /// [`abandon`](Balloon::abandon) with a `wait` that breaks at once returns the status of the device in its error. With such a
    /// `wait`, `freeze` does a bounded part of the work, and the next call continues it. Before, between and after the calls of `wait`
    /// it does at most 6 register accesses, and one more with [block inflation](crate::feature::BlockInflation).
    ///
    /// # Errors
    ///
    /// [`FreezeFailed`] with the balloon and the reason.
    pub fn freeze(mut self, wait: &mut impl Wait) -> Result<Balloon<Frozen<T, P, F>>, FreezeFailed<Self>> {
        match self.empty(wait) {
            // An earlier call has requested a reset, or has finished it.
            Ok(()) | Err(BalloonError::NotLive | BalloonError::Device(DeviceError::Resetting)) => self.reset(wait),
            Err(error) => Err(FreezeFailed { error, balloon: self }),
        }
    }

    /// Resets the device without telling the host about the frames in the balloon: for a device that broke the protocol, was
    /// reset by the host, or does not answer. All frames go back to the kernel, with undefined contents, or with the poison value
    /// if it was negotiated. [`restore`](Balloon::restore) starts the balloon again.
    ///
    /// It waits for the end of the reset through `wait`, with as many register accesses as [`abandon`](Balloon::abandon). That call
    /// resets the device in place, also that of a split balloon.
    ///
    /// # Errors
    ///
    /// [`FreezeFailed`] with the balloon and the reason, see [`Balloon::abandon`].
    pub fn reset(mut self, wait: &mut impl Wait) -> Result<Balloon<Frozen<T, P, F>>, FreezeFailed<Self>> {
        match self.state.owned.end(wait) {
            Ok(()) => Ok(Balloon { state: Frozen { owned: self.state.owned } }),
            Err(error) => Err(FreezeFailed { error, balloon: self }),
        }
    }

    /// [Freezes](Balloon::freeze) the balloon and takes transport and platform out of it.
    ///
    /// # Errors
    ///
    /// [`FreezeFailed`] with the balloon and the reason.
    pub fn remove(self, wait: &mut impl Wait) -> Result<(T, P), FreezeFailed<Self>> {
        self.freeze(wait).map(Balloon::<Frozen<T, P, F>>::into_parts)
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Frozen<T, P, F>> {
    /// Probes the device again, with the same options. The first [`service`](Balloon::service) starts toward the target. The device
    /// may be that of another host: all that [`probe`](Balloon::probe) tries is tried again.
    ///
    /// If [`Frames::range`](crate::Frames::range) contains more frames than before, the balloon first allocates larger private
    /// memory and returns the old.
    ///
    /// It waits for the end of resets through `wait`, with as many register accesses as [`probe`](Balloon::probe).
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the balloon, which is still frozen: for instance when the device no longer offers a required
    /// feature.
    pub fn restore(mut self, wait: &mut impl Wait) -> Result<Balloon<Ready<T, P, F>>, ProbeFailed<Self>> {
        let grown = self.state.owned.grow().map_err(ProbeError::New);
        match grown.and_then(|()| self.state.owned.probe(wait)) {
            Ok(()) => Ok(Balloon { state: Ready { owned: self.state.owned } }),
            Err(error) => {
                self.state.owned.log_probe(&error);
                Err(ProbeFailed { error, balloon: self })
            }
        }
    }
}

super::idle::idle_state!(Frozen);
