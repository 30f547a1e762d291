//! A slot for a virtqueue in the balloon. The queue is set up, used and released in place.

use aerostat_transport::queue::Disabled;
use aerostat_transport::{BufferQueue, DeviceError, Dma, LiveProof, Notifier, ResetProof, VirtQueue};

use crate::error::BalloonError;
use crate::messages::LastError;

/// What both kinds of virtqueues have.
pub(crate) trait Queue: Sized {
    /// Returns the number of the queue on its device.
    fn index(&self) -> u16;

    /// Returns the number of buffers that the device has.
    fn in_flight(&self) -> usize;

    /// Returns the memory of the queue to `dma`, or the queue if the proof does not match it.
    fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self>;
}

impl<N: Notifier, const SIZE: usize> Queue for VirtQueue<N, SIZE> {
    fn index(&self) -> u16 {
        self.index()
    }

    fn in_flight(&self) -> usize {
        self.in_flight()
    }

    fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        self.release(proof, dma)
    }
}

impl<N: Notifier, const SIZE: usize, B> Queue for BufferQueue<N, SIZE, Disabled, B> {
    fn index(&self) -> u16 {
        self.index()
    }

    fn in_flight(&self) -> usize {
        self.in_flight()
    }

    fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        self.release(proof, dma)
    }
}

/// A slot for a virtqueue of type `Q`.
#[derive(Debug)]
pub(crate) struct Slot<Q> {
    queue: Option<Q>,
    /// Proof that the device of the queue is live.
    live: Option<LiveProof>,
    /// The error of the queue that was logged last.
    errors: LastError,
}

impl<Q> Slot<Q> {
    /// Creates an empty slot.
    pub(crate) const fn new() -> Self {
        Self { queue: None, live: None, errors: LastError::new() }
    }

    /// Puts a queue of a device that is not live yet into the slot, unless it could not be set up. Returns the queue.
    // Queues are large: only this function has copies of them on its stack, and not those that set them up.
    #[inline(never)]
    pub(crate) fn fill<E>(&mut self, queue: Result<Q, E>) -> Result<&mut Q, E> {
        self.live = None;
        self.errors = LastError::new();
        Ok(self.queue.insert(queue?))
    }

    /// Starts the use of the queue, because its device is live now.
    pub(crate) fn enable(&mut self, live: LiveProof) {
        self.live = Some(live);
    }

    /// Returns the queue if it is in use.
    #[inline]
    pub(crate) fn live(&mut self) -> Result<(&mut Q, LiveProof), DeviceError> {
        match (&mut self.queue, self.live) {
            (Some(queue), Some(live)) => Ok((queue, live)),
            _ => Err(DeviceError::Resetting),
        }
    }

    /// Returns the queue for reading if it is in use.
    #[inline]
    pub(crate) fn get(&self) -> Option<&Q> {
        self.queue.as_ref().filter(|_| self.live.is_some())
    }

    /// Logs an error of the queue, once until it changes. `what` stands before the error.
    #[inline(always)]
    pub(crate) fn log<R>(&self, what: &str, result: &Result<R, BalloonError>) {
        self.errors.log(what, result);
    }

    /// Takes the queue out of the slot.
    fn take(&mut self) -> Option<Q> {
        self.live = None;
        self.queue.take()
    }
}

impl<Q: Queue> Slot<Q> {
    /// Returns the number of the queue on its device.
    pub(crate) fn index(&self) -> Option<u16> {
        self.get().map(Queue::index)
    }

    /// Returns the number of buffers that the device has.
    pub(crate) fn in_flight(&self) -> usize {
        self.get().map_or(0, Queue::in_flight)
    }

    /// Returns the memory of the queue to `dma`.
    #[inline(never)]
    pub(crate) fn release(&mut self, proof: &ResetProof, dma: &mut impl Dma) {
        // The proof matches the queue, so `release` cannot fail.
        let _ = self.take().map(|queue| queue.release(proof, dma));
    }
}
