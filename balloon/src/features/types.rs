//! The types that a kernel chooses for its balloon, as one parameter.

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;

use aerostat_transport::Transport;

use super::platform::Platform;
use super::set::BalloonFeatureSet;
use crate::platform::Frames;

/// Transport, platform and features of a balloon. Sealed: [`Chosen`] implements it.
pub trait Types: sealed::Sealed {
    /// The transport of the device.
    type Transport: Transport;
    /// The kernel.
    type Platform: Platform<Self::Features>;
    /// The declared features.
    type Features: BalloonFeatureSet;
}

/// The types `T`, `P` and `F` as one parameter.
pub struct Chosen<T, P, F>(PhantomData<fn() -> (T, P, F)>);

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Types for Chosen<T, P, F> {
    type Transport = T;
    type Platform = P;
    type Features = F;
}

impl<T, P, F> Debug for Chosen<T, P, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Chosen")
    }
}

mod sealed {
    pub trait Sealed {}
    impl<T, P, F> Sealed for super::Chosen<T, P, F> {}
}

pub(crate) type NotifierOf<C> = <<C as Types>::Transport as Transport>::Notifier;
pub(crate) type ConfigOf<C> = <<C as Types>::Transport as Transport>::Config;
/// The frame size of the kernel.
pub(crate) type SizeOf<C> = <<C as Types>::Platform as Frames>::Size;
