//! Atomics and fences that several contexts use: those of `core`, or for the interleaving tests those that loom observes.

#[cfg(all(test, loom))]
pub(crate) use self::observed::DiatomicWaker;
#[cfg(all(test, loom))]
pub(crate) use aerostat_interleavings::{AtomicBool, AtomicU8, AtomicU32, fence};
#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, fence};
#[cfg(not(all(test, loom)))]
pub(crate) use diatomic_waker::DiatomicWaker;

/// What loom cannot observe by itself.
#[cfg(all(test, loom))]
mod observed {
    use core::task::Waker;

    use aerostat_interleavings::conflict;

    /// A `DiatomicWaker` whose calls are steps for loom.
    #[derive(Debug, Default)]
    pub(crate) struct DiatomicWaker(diatomic_waker::DiatomicWaker);

    impl DiatomicWaker {
        pub(crate) const fn new() -> Self {
            Self(diatomic_waker::DiatomicWaker::new())
        }

        /// # Safety
        ///
        /// As for the function of the library.
        pub(crate) unsafe fn register(&self, waker: &Waker) {
            conflict(self);
            // SAFETY: by the caller's promise.
            unsafe { self.0.register(waker) };
        }

        pub(crate) fn notify(&self) {
            conflict(self);
            self.0.notify();
        }
    }
}
