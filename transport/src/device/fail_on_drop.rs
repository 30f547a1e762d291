//! Sets FAILED on a device that is dropped.

use core::fmt::{self, Debug, Formatter};
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use crate::bus::{BusMaster, Status, Transport};

/// A transport whose device gets FAILED when this is dropped ("Device Initialization", 3.1.1).
/// [`release`](FailOnDrop::release) takes the transport out without that.
pub(super) struct FailOnDrop<T: Transport> {
    transport: ManuallyDrop<T>,
    /// The status bits written since the last reset. The driver writes these again rather than what the device reads back, which
    /// the device controls.
    written: Status,
}

impl<T: Transport> FailOnDrop<T> {
    pub(super) fn new(transport: T) -> Self {
        Self { transport: ManuallyDrop::new(transport), written: Status::RESET }
    }

    /// Forgets the written status bits, because a reset was requested.
    pub(super) fn forget_status(&mut self) {
        self.written = Status::RESET;
    }

    /// Sets one more status bit.
    // conformance: construct core.status.2: the bits written since the reset are written again, so none is dropped
    #[inline(never)]
    pub(super) fn set(&mut self, bit: Status) {
        self.written = self.written | bit;
        // The driver must not clear the bit that the device sets ("Device Status Field", 2.1).
        let status = self.transport.status();
        let needs_reset = if status.contains(Status::NEEDS_RESET) { Status::NEEDS_RESET } else { Status::RESET };
        self.transport.set_status(self.written | needs_reset);
    }

    /// Takes the transport out without a change of the status.
    pub(super) fn release(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither dropped nor used again, so the transport is taken exactly once.
        unsafe { ManuallyDrop::take(&mut this.transport) }
    }

    /// Sets FAILED and takes the transport out.
    pub(super) fn fail(mut self) -> T {
        self.end_in_failure();
        self.release()
    }

    /// Sets FAILED, and ends the device's access to memory where the bus can do so.
    fn end_in_failure(&mut self) {
        self.set(Status::FAILED);
        self.transport.set_bus_master(BusMaster::Forbidden);
    }
}

impl<T: Transport> Deref for FailOnDrop<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.transport
    }
}

impl<T: Transport> DerefMut for FailOnDrop<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.transport
    }
}

impl<T: Transport> Drop for FailOnDrop<T> {
    fn drop(&mut self) {
        self.end_in_failure();
        // SAFETY: `drop` runs once, and not after `release` took the transport.
        unsafe { ManuallyDrop::drop(&mut self.transport) }
    }
}

impl<T: Transport> Debug for FailOnDrop<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FailOnDrop").finish_non_exhaustive()
    }
}
