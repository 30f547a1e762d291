//! The owner of all parts of a balloon.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;

use aerostat_transport::Wait;

use crate::core::Plan;
use crate::error::{BalloonError, NewError, ProbeError};
use crate::features::Types;
use crate::memory::PrivateBox;
use crate::messages::log_leak;
use crate::parts::Parts;

/// All parts of a balloon without handles.
///
/// Dropping it resets a live device without waiting, and returns everything to the kernel. If the reset does not finish at
/// once, the device may still use frames and queues, and the memory is leaked.
pub(super) struct Owned<C: Types> {
    parts: ManuallyDrop<PrivateBox<Parts<C>>>,
}

impl<C: Types> Owned<C> {
    pub(super) const fn new(parts: PrivateBox<Parts<C>>) -> Self {
        Self { parts: ManuallyDrop::new(parts) }
    }

    pub(super) fn get(&self) -> &Parts<C> {
        // SAFETY: the parts are valid. No handle exists, and `self` is shared.
        unsafe { self.parts.as_ptr().as_ref() }
    }

    pub(super) fn get_mut(&mut self) -> &mut Parts<C> {
        // SAFETY: the parts are valid. No handle exists, and `self` is exclusive.
        unsafe { self.parts.as_ptr().as_mut() }
    }

    /// Returns the parts without dropping them.
    pub(super) fn into_box(self) -> PrivateBox<Parts<C>> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, so the parts are taken once.
        unsafe { ManuallyDrop::take(&mut this.parts) }
    }

    /// Probes the device.
    pub(super) fn probe(&mut self, wait: &mut impl Wait) -> Result<(), ProbeError> {
        let core = &mut self.get_mut().core;
        // Unless an earlier call goes on, it may be another device, for instance on another host.
        if core.idle().is_ok() {
            core.plan = Plan::default();
        }
        self.get_mut().probe(&mut |attempt| wait.wait(attempt))
    }

    /// Logs that a probe failed.
    #[inline(always)]
    pub(super) fn log_probe(&mut self, error: &ProbeError) {
        self.get_mut().core.counters.probe_errors.log_probe(error);
    }

    /// Takes larger private memory if the kernel has more frames than before. On an error, nothing has changed.
    pub(super) fn grow(&mut self) -> Result<(), NewError> {
        Parts::grow(&mut self.parts)
    }

    /// Resets the device, and returns everything that it had. Continues an earlier call.
    pub(super) fn end(&mut self, wait: &mut impl Wait) -> Result<(), BalloonError> {
        let parts = self.get_mut();
        parts.end(Some(&mut |attempt| wait.wait(attempt))).map_err(BalloonError::of_reset)?;
        parts.core.idle()
    }

    /// Returns transport and platform of a balloon that is [`Unprobed`](super::Unprobed) or [`Frozen`](super::Frozen). A
    /// device that has not finished the reset after a failed probe keeps its queues.
    pub(super) fn into_idle(self) -> (C::Transport, C::Platform) {
        match Parts::take_apart(self.into_box()) {
            (Some(transport), platform) => (transport, platform),
            // SAFETY: the device of a balloon in these states is neither live nor being set up, and its transport is not in use.
            // `Parts::boxed` creates it idle, `Parts::probe` leaves it idle or with a reset that was requested on every error, a
            // balloon that is in `probe` or `assume_reset` during a panic is dropped, and a balloon becomes `Frozen` only when it
            // is idle.
            (None, _) => unsafe { core::hint::unreachable_unchecked() },
        }
    }
}

impl<C: Types> Drop for Owned<C> {
    fn drop(&mut self) {
        // A device that does not finish its reset may still use the memory, so everything is leaked. The same holds after a
        // panic of the transport: the device may be live.
        let parts = self.get_mut();
        parts.core.request_reset_again();
        if parts.end(None).is_ok() && parts.core.connection.is_unused() {
            // SAFETY: `drop` runs once, and `into_box` prevents it from running.
            let parts = unsafe { ManuallyDrop::take(&mut self.parts) };
            let _ = Parts::take_apart(parts);
            return;
        }
        log_leak();
    }
}

impl<C: Types> Debug for Owned<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
