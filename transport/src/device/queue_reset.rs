//! The reset of a single queue ("Virtqueue Reset", 2.6.1).

use core::ops::ControlFlow;

use aerostat_spec::{self as spec, FeatureSet, Interface, Negotiated, reserved};

use crate::barrier::dma_mb;
use crate::bus::{QueueError, QueueReset, Transport};
use crate::device::fail_on_drop::FailOnDrop;
use crate::device::lifecycle::{Device, Live};
use crate::device::wait::Wait;
use crate::queue::{DeviceError, Parts, RawQueue, Resettable, Slot};
use crate::ring::{QueueLimit, QueueSize};

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, Live<F>> {
    /// Resets one queue and enables it again, empty. The caller owns the buffers that were in flight again. Polls the device
    /// until it has finished the reset, and calls `wait` between two polls.
    ///
    /// # Errors
    ///
    /// * [`QueueError::OtherDevice`] if it is not a queue of this device, or if the proof is not. The queue is unchanged, and its
    ///   own device may still use it and the buffers that are in flight.
    /// * [`QueueError::LegacyInterface`] if the device is driven through the legacy interface. The queue is unchanged, and the
    ///   device may still use it and its buffers.
    /// * [`QueueError::ResetUnfinished`] if `wait` gave up, [`QueueError::InUse`] if the device ignores the request, or
    ///   [`QueueError::Gone`]. The queue is unusable, and the device may still use it and its buffers.
    /// * Another error if the queue could not be enabled again. The queue is unusable and empty: the device no longer uses its
    ///   buffers.
    pub fn reset_queue<Q: Resettable<T::Notifier>>(
        &mut self,
        _proof: Negotiated<reserved::feature::RingReset>,
        queue: &mut Q,
        wait: &mut impl Wait,
    ) -> Result<(), QueueError>
    where
        T: QueueReset,
    {
        let Parts { raw, notifier } = queue.parts();
        // The proof may be that of another device.
        let is_own = raw.core.generation == self.generation;
        if !is_own || !self.state.accepted.has(reserved::feature::RingReset) {
            return Err(match self.transport.interface() {
                Interface::Legacy if is_own => QueueError::LegacyInterface { queue: raw.core.index },
                Interface::Legacy | Interface::Modern => QueueError::OtherDevice { queue: raw.core.index },
            });
        }
        match self.transport.reset_queue(raw, wait) {
            Ok(enabled) => {
                *notifier = enabled;
                Ok(())
            }
            Err(error) => {
                raw.poison(DeviceError::Resetting);
                Err(error)
            }
        }
    }
}

impl<T: Transport> FailOnDrop<T> {
    fn reset_queue(&mut self, raw: &mut RawQueue<[Slot]>, wait: &mut impl Wait) -> Result<T::Notifier, QueueError> {
        let (index, (size, addresses)) = (raw.core.index, raw.core.program());
        self.request_queue_reset(index);
        self.wait_for_queue(index, wait)?;
        // A device that ignores the request appears to finish at once and goes on with the queue, but then the queue is still
        // enabled.
        let limit = match self.limit_of(index) {
            Err(error @ (QueueError::InUse { .. } | QueueError::Gone)) => return Err(error),
            limit => limit,
        };
        raw.renew();
        check_size(index, size, limit?)?;
        // Orders the zeroed ring before the register writes that give its address to the device.
        dma_mb();
        // SAFETY: the ring is as new, with the layout of its size, and stays allocated as before.
        unsafe { self.enable_queue(index, size, &addresses) }
    }

    fn wait_for_queue(&mut self, queue: u16, wait: &mut impl Wait) -> Result<(), QueueError> {
        let mut attempt = 0_u32;
        let mut wait_more = ControlFlow::Continue(());
        while !self.is_queue_reset(queue) {
            if self.status().is_gone() {
                return Err(QueueError::Gone);
            }
            if wait_more.is_break() {
                return Err(QueueError::ResetUnfinished { queue });
            }
            // Polls once more after the last wait, during which the reset may have finished.
            wait_more = wait.wait(attempt);
            attempt = attempt.saturating_add(1);
        }
        // Orders the end of the reset before any access to memory that the device had.
        dma_mb();
        Ok(())
    }
}

/// Checks that the device still allows the size.
fn check_size(queue: u16, size: QueueSize, limit: QueueLimit) -> Result<(), QueueError> {
    match limit {
        QueueLimit::AtMost(limit) | QueueLimit::Exactly(limit) if limit < size.get() => {
            Err(QueueError::TooSmall { queue, size: limit, needed: size.get() })
        }
        QueueLimit::AtMost(_) | QueueLimit::Exactly(_) => Ok(()),
    }
}
