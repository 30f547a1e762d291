//! A balloon whose device was not looked at yet, and what its driver wants of it.

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;
use core::time::Duration;

use aerostat_spec::balloon::feature::MustTellHost;
use aerostat_spec::{Declaration, Declares, Feature, Levels, Required, Wanted, With, balloon, reserved};
use aerostat_transport::{Dma, Transport};

use crate::Balloon;
use crate::error::ProbeError;
use crate::live::{ARRAYS, Core};
use crate::platform::Frames;
use crate::ready::Ready;

/// State: the device was not touched yet.
pub struct Unprobed<T, P, L> {
    pub(crate) transport: T,
    pub(crate) platform: P,
    pub(crate) options: Options,
    pub(crate) levels: PhantomData<L>,
}

/// What the driver was asked for beside the levels of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Arrays of page numbers that may be with the device at a time.
    pub(crate) depth: u16,
    /// Pause after the kernel had no frame to spare.
    pub(crate) retry_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { depth: ARRAYS as u16, retry_after: Duration::from_millis(200) }
    }
}

/// The declaration with which every balloon starts: each feature refused. See [`features!`](crate::features!).
pub type Undeclared = Levels<<balloon::Device as aerostat_spec::Device>::Refused, reserved::Features>;

/// A feature of the balloon that this driver makes use of, with what it has to be told about it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature that the balloon driver can use",
    label = "no support for this feature",
    note = "see the implementations of `BalloonFeature` for the features that can be declared"
)]
pub trait BalloonFeature {
    /// The feature bit.
    type Feature: Feature;

    /// Puts what the value says into the options.
    fn configure(self, options: &mut Options);
}

impl BalloonFeature for MustTellHost {
    type Feature = Self;

    fn configure(self, _options: &mut Options) {}
}

/// A declaration that a balloon can be probed with: any that [`features!`](crate::features!) names.
pub trait BalloonLevels: Declaration + Declares<MustTellHost> {}
impl<L: Declaration + Declares<MustTellHost>> BalloonLevels for L {}

/// A balloon with the declaration `L` and the feature `X` at the level `V`.
pub type Declaring<T, P, L, X, V> = Balloon<Unprobed<T, P, <L as With<<X as BalloonFeature>::Feature, V>>::Out>>;

impl<T, P> Balloon<Unprobed<T, P, Undeclared>> {
    /// A balloon on the device that `transport` reaches, with memory from `platform`. All features are refused until
    /// they are declared.
    pub fn new(transport: T, platform: P) -> Self {
        let levels = PhantomData;
        Self { state: Unprobed { transport, platform, options: Options::default(), levels } }
    }
}

impl<T, P, L> Balloon<Unprobed<T, P, L>> {
    /// Declares a feature without which [`probe`](Self::probe) fails.
    pub fn require<X>(self, feature: X) -> Declaring<T, P, L, X, Required>
    where
        X: BalloonFeature,
        L: With<X::Feature, Required>,
    {
        self.declare(feature)
    }

    /// Declares a feature that is used when the device offers it.
    pub fn want<X>(self, feature: X) -> Declaring<T, P, L, X, Wanted>
    where
        X: BalloonFeature,
        L: With<X::Feature, Wanted>,
    {
        self.declare(feature)
    }

    /// Limits the arrays of up to 256 page numbers that are with the device at a time, to 1 at the least and 16, the
    /// default, at the most.
    pub fn depth(mut self, arrays: u16) -> Self {
        self.state.options.depth = arrays.clamp(1, ARRAYS as u16);
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

    fn declare<N>(self, feature: impl BalloonFeature) -> Balloon<Unprobed<T, P, N>> {
        let Unprobed { transport, platform, mut options, .. } = self.state;
        feature.configure(&mut options);
        Balloon { state: Unprobed { transport, platform, options, levels: PhantomData } }
    }
}

impl<T: Transport, P: Dma + Frames, L: BalloonLevels> Balloon<Unprobed<T, P, L>> {
    /// Brings the device to life: resets it, negotiates the declared features, sets up its queues, and sets DRIVER_OK.
    /// The balloon is empty then; the first [`service`](Balloon::service) starts toward the target.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] with the balloon, unprobed again. The device is FAILED or reset, all memory is back.
    pub fn probe(self) -> Result<Balloon<Ready<T, P, L>>, ProbeFailed<Self>> {
        let Unprobed { transport, platform, options, .. } = self.state;
        match Core::start(transport, platform, options) {
            Ok(core) => Ok(Balloon { state: Ready::new(core) }),
            Err((error, transport, platform)) => {
                let state = Unprobed { transport, platform, options, levels: PhantomData };
                Err(ProbeFailed { error, balloon: Self { state } })
            }
        }
    }
}

/// A balloon that did not come to life.
#[derive(Debug)]
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

/// Names the type of a declaration, as the builder infers it: `features! { MustTellHost: Required }`.
///
/// A kernel that keeps its balloon in a static writes the type down with it. Features are named in the same order as
/// in the calls of the builder, though any order names the same type.
///
/// ```
/// use aerostat_balloon::{Balloon, Ready, features};
///
/// type Declared = features! { MustTellHost: Required };
/// # type Transport = ();
/// # type Platform = ();
/// /// The type of the static.
/// type KernelBalloon = Balloon<Ready<Transport, Platform, Declared>>;
/// ```
#[macro_export]
macro_rules! features {
    ($($feature:ident : $level:ident),* $(,)?) => {
        $crate::features!(@ $crate::Undeclared; $($feature $level)*)
    };
    (@ $declared:ty;) => { $declared };
    (@ $declared:ty; $feature:ident $level:ident $($rest:tt)*) => {
        $crate::features!(
            @ <$declared as $crate::spec::With<
                <$crate::$feature as $crate::BalloonFeature>::Feature,
                $crate::spec::$level,
            >>::Out;
            $($rest)*
        )
    };
}
