//! The states of a balloon in which its device is live.

use aerostat_transport::{SetupError, Transport};

use crate::core::{Core, StepReports, WaitFn};
use crate::error::BalloonError;
use crate::features::{BalloonFeatureSet, Chosen, Platform};

/// A state in which the device is live: [`Ready`](crate::Ready) or [`Split`](crate::Split). Sealed.
///
/// Code for both states constrains the associated types as it needs:
///
/// ```
/// use aerostat_balloon::feature::DeflateOnOom;
/// use aerostat_balloon::ops::PendingDeflation;
/// use aerostat_balloon::spec::{HasFeature, Required};
/// use aerostat_balloon::{Balloon, LiveState};
///
/// fn free_memory<S: LiveState>(balloon: &mut Balloon<S>) -> PendingDeflation<'_, S>
/// where
///     S::Features: HasFeature<DeflateOnOom, Requirement = Required>,
/// {
///     balloon.deflate_on_oom()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the balloon is not live in the state `{Self}`",
    label = "needs a live balloon",
    note = "`probe` makes an unprobed balloon live, `restore` a frozen one"
)]
pub trait LiveState: sealed::Sealed {
    /// The transport of the device.
    type Transport: Transport;
    /// The kernel.
    type Platform: Platform<Self::Features>;
    /// The declared features.
    type Features: BalloonFeatureSet;

    #[doc(hidden)]
    fn core(&self) -> &Core<TypesOf<Self>>;

    #[doc(hidden)]
    fn core_mut(&mut self) -> &mut Core<TypesOf<Self>>;

    /// Returns the core, and the reporting queue for block inflation if that is declared and no handle has the queue.
    #[doc(hidden)]
    fn core_and_reports(&mut self) -> (&mut Core<TypesOf<Self>>, StepReports<'_, TypesOf<Self>>);

    /// Returns whether no handle has the reporting queue.
    #[doc(hidden)]
    fn has_reporting(&self) -> bool;

    /// Resets the device, and returns everything that it had to the kernel, except the queues of handles that exist. Continues
    /// an earlier call. Without `wait`, reads the status once.
    #[doc(hidden)]
    fn end(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError>;

    /// Returns everything that the device had, as [`LiveState::end`] does after a reset.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more.
    #[doc(hidden)]
    unsafe fn assume_reset(&mut self);

    /// Checks the device, and notifies it again of the buffers in all queues that have no handle.
    #[doc(hidden)]
    fn notify_again(&mut self) -> Result<(), BalloonError>;

    /// Stops the handles, because the device is about to be reset for good.
    #[doc(hidden)]
    fn stop_handles(&mut self);
}

/// The types of a live balloon, as one parameter.
pub(crate) type TypesOf<S> =
    Chosen<<S as LiveState>::Transport, <S as LiveState>::Platform, <S as LiveState>::Features>;

pub(crate) mod sealed {
    pub trait Sealed {}
}
