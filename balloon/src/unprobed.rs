//! A balloon whose device was not looked at yet, and what its driver wants of it.

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;
use core::time::Duration;

use aerostat_spec::{FeaturePair, Optional, Required, WithFeature, balloon, reserved};
use aerostat_transport::{Dma, Numbering, Transport};

use crate::Balloon;
use crate::declare::{BalloonFeature, BalloonFeatureSet, Configure, Options};
use crate::error::ProbeError;
use crate::live::ARRAYS;
use crate::platform::Frames;
use crate::ready::Ready;
use crate::start::start;

/// State: the device was not touched yet.
#[must_use = "nothing happens until `probe` is called"]
pub struct Unprobed<T, P, L> {
    pub(crate) transport: T,
    pub(crate) platform: P,
    pub(crate) options: Options<P>,
    pub(crate) levels: PhantomData<L>,
}

/// The declaration with which every balloon starts: each feature refused. See [`features!`](crate::features!).
pub type Undeclared = FeaturePair<<balloon::Device as aerostat_spec::Device>::Features, reserved::Features>;

/// A balloon with the declaration `L` and the feature `X` at the level `V`.
pub type Declaring<T, P, L, X, V> = Balloon<Unprobed<T, P, <L as WithFeature<<X as BalloonFeature>::Feature, V>>::Out>>;

impl<T, P> Balloon<Unprobed<T, P, Undeclared>> {
    /// A balloon on the device that `transport` reaches, with memory from `platform`. All features are refused until
    /// they are declared.
    pub fn new(transport: T, platform: P) -> Self {
        let levels = PhantomData;
        Self { state: Unprobed { transport, platform, options: Options::default(), levels } }
    }
}

impl<T, P, L> Balloon<Unprobed<T, P, L>> {
    /// HasFeature a feature without which [`probe`](Self::probe) fails.
    pub fn require<X>(self, feature: X) -> Declaring<T, P, L, X, Required>
    where
        X: Configure<P>,
        L: WithFeature<X::Feature, Required>,
    {
        self.declare(feature)
    }

    /// HasFeature a feature that is used when the device offers it.
    pub fn want<X>(self, feature: X) -> Declaring<T, P, L, X, Optional>
    where
        X: Configure<P>,
        L: WithFeature<X::Feature, Optional>,
    {
        self.declare(feature)
    }

    /// Limits the arrays of up to 256 page numbers that are with the device at a time, to 1 at the least and 16, the
    /// default, at the most.
    pub fn depth(mut self, arrays: u16) -> Self {
        self.state.options.depth = arrays.clamp(1, ARRAYS as u16);
        self
    }

    /// Sets how the device numbers its queues. Found out unless set.
    pub fn numbering(mut self, numbering: Numbering) -> Self {
        self.state.options.numbering = numbering;
        self
    }

    /// Sets the pause in which the balloon is not inflated after the kernel was out of memory, see
    /// [`deflate_on_oom`](Balloon::deflate_on_oom). It doubles, up to 64 times, while the kernel runs out of memory again and again. One
    /// second unless set; zero for no pause at all.
    pub fn oom_backoff(mut self, pause: Duration) -> Self {
        self.state.options.hold_off = pause;
        self
    }

    /// Sets the pause after which [`service`](Balloon::service) wants to be called again when the kernel had no frame to
    /// spare. 200 ms unless set.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.state.options.retry_after = pause;
        self
    }

    /// Takes transport and platform back.
    pub fn into_parts(self) -> (T, P) {
        (self.state.transport, self.state.platform)
    }

    fn declare<N>(self, feature: impl Configure<P>) -> Balloon<Unprobed<T, P, N>> {
        let Unprobed { transport, platform, mut options, .. } = self.state;
        feature.configure(&mut options);
        Balloon { state: Unprobed { transport, platform, options, levels: PhantomData } }
    }
}

impl<T, P, L> Balloon<Unprobed<T, P, L>> {
    /// Brings the device to life: resets it, negotiates the declared features, sets up its queues, and sets DRIVER_OK.
    /// The balloon is empty then; the first [`service`](Balloon::service) starts toward the target.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the balloon, unprobed again.
    pub fn probe(self) -> Result<Balloon<Ready<T, P, L>>, ProbeFailed<Self>>
    where
        T: Transport,
        P: Dma + Frames,
        L: BalloonFeatureSet,
    {
        let Unprobed { transport, platform, options, .. } = self.state;
        match start(transport, platform, options) {
            Ok(parts) => Ok(Balloon { state: Ready::new(parts) }),
            Err((error, transport, platform)) => {
                let state = Unprobed { transport, platform, options, levels: PhantomData };
                Err(ProbeFailed { error, balloon: Self { state } })
            }
        }
    }
}

/// A balloon that did not come to life. The device is FAILED or reset, unless it is of another type, or does not finish its
/// reset; then it keeps the memory of the queues that it knows.
#[derive(Debug, thiserror::Error)]
#[error("the balloon did not come to life: {error}")]
pub struct ProbeFailed<B> {
    /// What went wrong.
    pub error: ProbeError,
    /// The balloon, in the state that it was in.
    pub balloon: B,
}

impl<T, P, L> Debug for Unprobed<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unprobed").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Names the type of a declaration, as the builder infers it: `features! { MustTellHost: Required, StatsVq: Optional }`.
///
/// A kernel that keeps its balloon in a static writes the type down with it. The order of the features does not matter.
///
/// ```
/// use aerostat_balloon::{Balloon, Ready, features};
///
/// type Declared = features! { MustTellHost: Optional, StatsVq: Required };
/// # fn check<T: aerostat_balloon::transport::Transport, P>()
/// # where P: aerostat_balloon::transport::Dma + aerostat_balloon::Frames {
/// # type Transport<T> = T;
/// # type Platform<P> = P;
/// /// What the static holds.
/// type KernelBalloon<T, P> = Balloon<Ready<Transport<T>, Platform<P>, Declared>>;
/// # }
/// ```
#[macro_export]
macro_rules! features {
    ($($feature:ident : $level:ident),* $(,)?) => {
        $crate::__declared!($crate::Undeclared; $($feature $level)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __declared {
    ($declared:ty;) => { $declared };
    ($declared:ty; $feature:ident $level:ident $($rest:tt)*) => {
        $crate::__declared!(
            <$declared as $crate::spec::WithFeature<
                <$crate::$feature as $crate::BalloonFeature>::Feature,
                $crate::spec::$level,
            >>::Out;
            $($rest)*
        )
    };
}
