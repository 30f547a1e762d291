//! The owner of all parts of a balloon.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;

use crate::core::Reset;
use crate::features::Types;
use crate::memory::PrivateBox;
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

    /// Returns transport and platform of a balloon that is [`Unprobed`](super::Unprobed) or [`Frozen`](super::Frozen).
    pub(super) fn into_idle(self) -> (C::Transport, C::Platform) {
        match Parts::take_apart(self.into_box()) {
            (Some(transport), platform) => (transport, platform),
            // SAFETY: the connection of a balloon in these states is idle. `Parts::boxed` creates it idle, `Parts::probe`
            // leaves it idle on every error, and a balloon becomes `Frozen` only after `abandon` found it idle.
            (None, _) => unsafe { core::hint::unreachable_unchecked() },
        }
    }
}

impl<C: Types> Drop for Owned<C> {
    fn drop(&mut self) {
        // A device that does not finish its reset may still use the memory, so everything is leaked. The same holds after a
        // panic of the transport: the device may be live.
        let parts = self.get_mut();
        if parts.reset(Reset::AtOnce).is_ok() && parts.core.connection.is_idle() {
            // SAFETY: `drop` runs once, and `into_box` prevents it from running.
            let parts = unsafe { ManuallyDrop::take(&mut self.parts) };
            let _ = Parts::take_apart(parts);
        }
    }
}

impl<C: Types> Debug for Owned<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
