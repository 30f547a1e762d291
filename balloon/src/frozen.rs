//! Freezing, restoring and removing a balloon.

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;

use aerostat_transport::{Dma, Transport, Wait};

use crate::Balloon;
use crate::declare::{BalloonFeatureSet, Options};
use crate::error::BalloonError;
use crate::parts::Stop;
use crate::platform::Frames;
use crate::ready::Ready;
use crate::start::start;
use crate::unprobed::ProbeFailed;

/// State: the device is reset, every frame is the kernel's, and no queue is left.
pub struct Frozen<T, P, L> {
    transport: T,
    platform: P,
    options: Options<P>,
    levels: PhantomData<L>,
}

/// A balloon that could not be frozen or removed, and is still live.
#[derive(Debug, thiserror::Error)]
#[error("the balloon is still live: {error}")]
pub struct StillLive<B> {
    /// What went wrong.
    pub error: BalloonError,
    /// The balloon. Nothing in it is lost: try again, or [`abandon`](Balloon::abandon) it.
    pub balloon: B,
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Balloon<Ready<T, P, L>> {
    /// Deflates the balloon entirely, tells the host, writes `actual`, and resets the device. Waits for the device
    /// through `wait`; to do without, call [`drain`](Balloon::drain) until it is on target first.
    ///
    /// # Errors
    ///
    /// [`StillLive`] with the balloon and the reason.
    pub fn freeze(mut self, wait: &mut impl Wait) -> Result<Balloon<Frozen<T, P, L>>, StillLive<Self>> {
        match self.empty(wait) {
            Ok(()) => self.abandon(),
            Err(error) => Err(StillLive { error, balloon: self }),
        }
    }

    /// [Freezes](Balloon::freeze) the balloon and takes transport and platform back.
    ///
    /// # Errors
    ///
    /// [`StillLive`] with the balloon and the reason.
    pub fn remove(self, wait: &mut impl Wait) -> Result<(T, P), StillLive<Self>> {
        self.freeze(wait).map(|balloon| balloon.into_parts())
    }

    /// Resets the device without telling the host of the frames in the balloon: for a device that misbehaved. All frames
    /// go back to the kernel, with undefined contents.
    ///
    /// # Errors
    ///
    /// [`StillLive`] when the device does not finish its reset: then it may still be using what it was lent.
    pub fn abandon(self) -> Result<Balloon<Frozen<T, P, L>>, StillLive<Self>> {
        match self.state.into_parts().stop(Stop::Waiting) {
            Ok((transport, platform, options)) => {
                Ok(Balloon { state: Frozen { transport, platform, options, levels: PhantomData } })
            }
            Err((parts, error)) => {
                Err(StillLive { error: BalloonError::Reset(error), balloon: Self { state: Ready::new(parts) } })
            }
        }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Balloon<Frozen<T, P, L>> {
    /// Brings the device to life again, with the same declaration. The first [`service`](Balloon::service) starts toward
    /// the target.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the balloon, still frozen: for instance when the device no longer offers what is required.
    pub fn restore(self) -> Result<Balloon<Ready<T, P, L>>, ProbeFailed<Self>> {
        let Frozen { transport, platform, options, .. } = self.state;
        match start(transport, platform, options) {
            Ok(parts) => Ok(Balloon { state: Ready::new(parts) }),
            Err((error, transport, platform)) => {
                let state = Frozen { transport, platform, options, levels: PhantomData };
                Err(ProbeFailed { error, balloon: Self { state } })
            }
        }
    }
}

impl<T, P, L> Balloon<Frozen<T, P, L>> {
    /// Takes transport and platform back.
    pub fn into_parts(self) -> (T, P) {
        (self.state.transport, self.state.platform)
    }
}

impl<T, P, L> Debug for Frozen<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen").field("options", &self.options).finish_non_exhaustive()
    }
}
