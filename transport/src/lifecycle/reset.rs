//! Resets, of a device and of a single queue, and what they prove.

use core::sync::atomic::{AtomicUsize, Ordering};

use aerostat_spec::{self as spec, FeatureSet, Negotiated, reserved};

use crate::barrier::for_devices;
use crate::lifecycle::{Device, Live};
use crate::queue::{DeviceError, Enabled, QueueError, QueueLimit, VirtQueue};
use crate::setup::SetupError;
use crate::status::Status;
use crate::transport::{QueueReset, Transport};

/// How often the status is read until a reset has to be finished.
pub(crate) const RESET_READS: u32 = 1_000_000;

/// Names one life of one device, from reset to reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(usize);

impl Generation {
    pub(crate) fn begin() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| next.checked_add(1)).ok().map(Self)
    }
}

/// Proof that a device was reset: what it held in the life that ended is the driver's again.
#[derive(Debug)]
pub struct ResetProof(Generation);

impl ResetProof {
    pub(crate) const fn of(life: Generation) -> Self {
        Self(life)
    }

    pub(crate) fn ends(&self, life: Generation) -> bool {
        self.0 == life
    }
}

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, Live<F>> {
    /// Resets the device and takes the transport back. Waits for the device, within a limit.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the device, which still holds what it was lent.
    pub fn reset(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.reset_within(RESET_READS)
    }

    /// Resets the device like [`Device::reset`], without waiting: for `Drop`, which must not block. Devices in software
    /// finish a reset at once.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the device, which still holds what it was lent.
    pub fn reset_at_once(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.reset_within(0)
    }

    /// Resets one queue and sets it up again, empty ("Virtqueue Reset", 2.6.1). What its buffers were is the caller's again.
    ///
    /// # Errors
    ///
    /// The queue, unusable, with [`QueueError::ResetUnfinished`] or [`QueueError::InUse`] where the device may still be using
    /// it, or with the error with which it could not be set up again.
    #[expect(clippy::type_complexity, reason = "the queue comes back in either case")]
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
        self.guard.ask_reset(index);
        let is_reset = (0..RESET_READS).any(|_| self.guard.is_reset(index));
        // Orders the end of the reset before whatever is done with memory that the device had.
        for_devices();
        // Of a queue that it has reset, the device says that it is not enabled either. One that does not know of resets of
        // queues seems to be done at once, and goes on with the queue.
        let limit =
            if is_reset { self.guard.queue_limit(index) } else { Err(QueueError::ResetUnfinished { queue: index }) };
        let verified = match limit {
            Ok(QueueLimit::AtMost(limit) | QueueLimit::Exactly(limit)) if limit < size.get() => {
                Err(QueueError::TooSmall { queue: index, size: limit, needed: size.get() })
            }
            limit => limit.map(drop),
        };
        if let Err(error) = verified {
            queue.poison(DeviceError::Resetting);
            return Err((queue, error));
        }
        let mut queue = queue.renew();
        for_devices();
        // SAFETY: the ring is fresh, with the layout of its size, and lives on as before.
        match unsafe { self.guard.enable_queue(index, size, &addresses) } {
            Ok(notifier) => Ok(queue.notified_by(notifier)),
            Err(error) => {
                queue.poison(DeviceError::Resetting);
                Err((queue, error))
            }
        }
    }

    fn reset_within(mut self, reads: u32) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.guard.start_over();
        match reset(&mut *self.guard, reads) {
            Ok(()) => Ok((self.guard.release(), ResetProof(self.life))),
            Err(error) => Err((self, error)),
        }
    }
}

/// Resets the device and looks once, and then up to `reads` times more, whether it says that it is done.
pub(crate) fn reset(transport: &mut impl Transport, reads: u32) -> Result<(), SetupError> {
    transport.set_status(Status::RESET);
    let mut status = transport.status();
    for _ in 0..reads {
        if status == Status::RESET {
            break;
        }
        core::hint::spin_loop();
        status = transport.status();
    }
    // Orders the end of the reset before whatever is done with memory that the device had.
    for_devices();
    if status == Status::RESET { Ok(()) } else { Err(SetupError::ResetUnfinished { status: status.0 }) }
}
