//! The reset of a single queue ("Virtqueue Reset", 2.6.1).

use aerostat_spec::{self as spec, FeatureSet, Negotiated, reserved};

use crate::barrier::dma_mb;
use crate::bus::{QueueError, QueueReset, Transport};
use crate::device::lifecycle::{Device, Live};
use crate::device::reset::RESET_READS;
use crate::queue::{DeviceError, Enabled, VirtQueue};
use crate::ring::{QueueLimit, QueueSize};

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, Live<F>> {
    /// Resets one queue and enables it again, empty. The caller owns the buffers that were in flight again.
    ///
    /// # Errors
    ///
    /// The queue, with the error:
    ///
    /// * [`QueueError::OtherDevice`] if it is not a queue of this device. The queue is unchanged.
    /// * [`QueueError::ResetUnfinished`] or [`QueueError::InUse`] if the device may still use it. The queue is unusable.
    /// * Another error if the queue could not be enabled again. The queue is unusable.
    #[expect(clippy::type_complexity, reason = "the queue is returned in either case")]
    pub fn reset_queue<const K: usize>(
        &mut self,
        _proof: Negotiated<reserved::feature::RingReset>,
        mut queue: VirtQueue<T::Notifier, K, Enabled>,
    ) -> Result<VirtQueue<T::Notifier, K, Enabled>, (VirtQueue<T::Notifier, K, Enabled>, QueueError)>
    where
        T: QueueReset,
    {
        let (index, size, addresses) = queue.program();
        // The proof may be that of another device.
        if !queue.is_of(self) || !self.state.accepted.has(reserved::feature::RingReset) {
            return Err((queue, QueueError::OtherDevice { queue: index }));
        }
        if let Err(error) = self.reset_one(index, size) {
            queue.poison(DeviceError::Resetting);
            return Err((queue, error));
        }
        let mut queue = queue.renew();
        dma_mb();
        // SAFETY: the ring is as new, with the layout of its size, and stays allocated as before.
        match unsafe { self.transport.enable_queue(index, size, &addresses) } {
            Ok(notifier) => Ok(queue.with_notifier(notifier)),
            Err(error) => {
                queue.poison(DeviceError::Resetting);
                Err((queue, error))
            }
        }
    }

    /// Resets a queue, and checks that the device has done so and still allows `size`.
    fn reset_one(&mut self, queue: u16, size: QueueSize) -> Result<(), QueueError>
    where
        T: QueueReset,
    {
        self.transport.request_reset(queue);
        let is_reset = (0..RESET_READS).any(|_| self.transport.is_reset(queue));
        // Orders the end of the reset before any access to memory that the device had.
        dma_mb();
        if !is_reset {
            return Err(QueueError::ResetUnfinished { queue });
        }
        // A device that ignores the request appears to finish at once and goes on with the queue, but then the queue is still
        // enabled, which `queue_limit` reports.
        match self.transport.queue_limit(queue)? {
            QueueLimit::AtMost(limit) | QueueLimit::Exactly(limit) if limit < size.get() => {
                Err(QueueError::TooSmall { queue, size: limit, needed: size.get() })
            }
            QueueLimit::AtMost(_) | QueueLimit::Exactly(_) => Ok(()),
        }
    }
}
