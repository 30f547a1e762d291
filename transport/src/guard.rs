//! Sets FAILED on a device that is let go before it is live.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use crate::status::Status;
use crate::transport::Transport;

/// Holds a transport whose device is being set up. Unless it is [released](Guard::release), the device is told that
/// the driver has given up on it ("Device Initialization", 3.1.1: set FAILED).
pub(crate) struct Guard<T: Transport> {
    transport: ManuallyDrop<T>,
    /// The status bits that were written since the last reset. What the device reads back is not asked: it would decide
    /// what is written next.
    written: Status,
}

impl<T: Transport> Guard<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self { transport: ManuallyDrop::new(transport), written: Status::RESET }
    }

    /// Notes that a reset was asked for: no bit counts as written any more.
    pub(crate) fn start_over(&mut self) {
        self.written = Status::RESET;
    }

    /// Sets one more status bit.
    #[inline(never)]
    pub(crate) fn raise(&mut self, bit: Status) {
        self.written = self.written | bit;
        // The one bit that the device itself sets is not dropped ("Device Status Field", 2.1).
        let status = self.transport.status();
        let needs_reset = if status.contains(Status::NEEDS_RESET) { Status::NEEDS_RESET } else { Status::RESET };
        self.transport.set_status(self.written | needs_reset);
    }

    /// Hands the transport out as it is.
    pub(crate) fn release(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped and never used again, so that the transport is taken exactly once.
        unsafe { ManuallyDrop::take(&mut this.transport) }
    }

    /// Hands the transport out after setting FAILED.
    pub(crate) fn fail(mut self) -> T {
        self.set_failed();
        self.release()
    }

    fn set_failed(&mut self) {
        self.raise(Status::FAILED);
    }
}

impl<T: Transport> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.transport
    }
}

impl<T: Transport> DerefMut for Guard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.transport
    }
}

impl<T: Transport> Drop for Guard<T> {
    fn drop(&mut self) {
        self.set_failed();
        // SAFETY: `drop` runs once, and `release` prevents it from running after it took the transport.
        unsafe { ManuallyDrop::drop(&mut self.transport) }
    }
}

impl<T: Transport> Debug for Guard<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").finish_non_exhaustive()
    }
}
