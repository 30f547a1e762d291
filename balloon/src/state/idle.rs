//! What a balloon does in the states in which its device is not live.

/// Implements the methods that [`Unprobed`](super::Unprobed) and [`Frozen`](super::Frozen) share.
macro_rules! idle_state {
    ($state:ident) => {
        impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<$state<T, P, F>> {
            /// Takes transport and platform out of the balloon. If the device has not finished the reset after a failed attempt to
            /// probe it, the memory of its queues is leaked, because the device may still use it, and FAILED is set, which takes 2
            /// register accesses.
            pub fn into_parts(self) -> (T, P) {
                self.state.owned.into_idle()
            }

            /// Returns the platform.
            pub fn platform(&self) -> &P {
                &self.state.owned.get().core.platform
            }

            /// Returns the interrupt side of the device for the kernel's interrupt handler, so that it can be installed before
            /// the device is live.
            pub fn interrupt(&self) -> T::Interrupt {
                self.state.owned.get().core.interrupt.clone()
            }

            /// Returns the memory of the queues to the kernel if an attempt to probe the device failed and the device has not
            /// finished its reset, see [`Balloon::assume_gone`]. It does no register access.
            ///
            /// # Safety
            ///
            /// The device does not access memory any more.
            // By value, because a panic of the transport in it must not leave a balloon without a transport.
            pub unsafe fn assume_reset(mut self) -> Self {
                // SAFETY: by the caller's promise.
                unsafe { self.state.owned.get_mut().assume_reset() };
                self
            }
        }
    };
}

pub(super) use idle_state;
