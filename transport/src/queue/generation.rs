//! The generation of a device, which ties a queue to one set-up of one device.

use core::sync::atomic::{AtomicUsize, Ordering};

/// One set-up of one device, from reset to reset. No two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(usize);

impl Generation {
    /// Returns a new generation; `None` when the counter is exhausted.
    pub(crate) fn new() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| next.checked_add(1)).ok().map(Self)
    }
}

/// Proof that a device is live: DRIVER_OK was set in this generation of the device.
///
/// With it, [`VirtQueue::notify_live`](crate::VirtQueue::notify_live) notifies the device for a queue that is still in the state
/// [`Disabled`](crate::queue::Disabled).
#[derive(Clone, Copy, Debug)]
pub struct LiveProof(Generation);

impl LiveProof {
    /// Returns the proof for a generation whose device is live.
    pub(crate) const fn of(generation: Generation) -> Self {
        Self(generation)
    }

    /// Returns whether the device became live in this generation.
    pub(crate) fn is_for(&self, generation: Generation) -> bool {
        self.0 == generation
    }
}

/// Proof that a device was reset, and therefore that the driver owns the memory of its queues again.
#[derive(Debug)]
pub struct ResetProof(Generation);

impl ResetProof {
    /// Returns the proof for a generation whose device has finished its reset.
    pub(crate) const fn of(generation: Generation) -> Self {
        Self(generation)
    }

    /// Returns whether the reset ended this generation.
    pub(crate) fn ends(&self, generation: Generation) -> bool {
        self.0 == generation
    }
}
