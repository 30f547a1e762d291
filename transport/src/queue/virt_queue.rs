//! A virtqueue whose buffers belong to the caller.

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;

use crate::bus::Notifier;
use crate::dma::Dma;
use crate::queue::error::{AddError, DeviceError};
use crate::queue::generation::{Generation, LiveProof, ResetProof};
use crate::queue::raw::{QueueCore, RawQueue};
use crate::queue::shadow::Slot;
use crate::queue::token::{Token, Used};
use crate::ring::{Element, Interrupts};

/// State of a new queue. Buffers can be added. There are two ways to notify the device once it is live:
///
/// * [`VirtQueue::enable`] takes the live device and moves the queue to the state [`Enabled`], which has
///   [`VirtQueue::notify`]. This is the usual way.
/// * [`VirtQueue::notify_live`] takes the proof that the device is live with each call, and the queue remains `Disabled`. It is
///   for queues in a place that is filled before the device is live: a queue contains a table of all its descriptors, and
///   `enable` would copy it.
#[derive(Debug)]
pub struct Disabled;

/// State of a queue of a live device. [`VirtQueue::enable`] returns it.
#[derive(Debug)]
pub struct Enabled;

/// Whether the device was notified of new buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// The notification was sent.
    Sent,
    /// The device suppressed notifications, or the queue is unusable.
    Suppressed,
}

/// A virtqueue with at most `K` descriptors in use. `N` notifies the device.
///
/// Dropping a queue leaks its ring, because the device may still use it. [`VirtQueue::release`] frees the ring after a reset.
pub struct VirtQueue<N, const K: usize, S = Disabled> {
    raw: RawQueue<[Slot; K]>,
    notifier: N,
    state: PhantomData<fn() -> S>,
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Disabled> {
    /// Enables the queue of a device of this generation. A queue of another generation becomes unusable.
    #[inline(never)]
    pub(crate) fn enable_for(mut self, generation: Generation) -> VirtQueue<N, K, Enabled> {
        if generation != self.generation() {
            self.poison(DeviceError::OtherDevice { queue: self.index() });
        }
        let Self { raw, notifier, .. } = self;
        VirtQueue { raw, notifier, state: PhantomData }
    }

    /// Notifies the live device of the buffers added since the last call, unless the device has suppressed notifications. Does
    /// not move the queue to the state [`Enabled`], see [`Disabled`]. With the proof of another device, the queue becomes
    /// unusable.
    pub fn notify_live(&mut self, proof: LiveProof) -> Notification {
        self.check_live(proof);
        self.notify_device()
    }

    /// Notifies the live device like [`VirtQueue::notify_again`], for a queue in the state [`Disabled`]. With the proof of
    /// another device, the queue becomes unusable.
    pub fn notify_live_again(&mut self, proof: LiveProof) -> Notification {
        self.check_live(proof);
        self.notify_regardless()
    }

    fn check_live(&mut self, proof: LiveProof) {
        if !proof.is_for(self.generation()) {
            self.poison(DeviceError::OtherDevice { queue: self.index() });
        }
    }
}

impl<N: Notifier, const K: usize, S> VirtQueue<N, K, S> {
    fn notify_device(&mut self) -> Notification {
        if self.raw.poisoned().is_some() {
            return Notification::Suppressed;
        }
        match self.raw.core.position_if_wanted() {
            Some(next) => {
                self.notifier.notify(next);
                Notification::Sent
            }
            None => Notification::Suppressed,
        }
    }

    fn notify_regardless(&mut self) -> Notification {
        if self.raw.poisoned().is_some() || self.in_flight() == 0 {
            return Notification::Suppressed;
        }
        self.notifier.notify(self.raw.core.position_regardless());
        Notification::Sent
    }
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Enabled> {
    /// Notifies the device of the buffers added since the last call, unless the device has suppressed notifications.
    pub fn notify(&mut self) -> Notification {
        self.notify_device()
    }

    /// Notifies the device again, even if it has suppressed notifications, if it has buffers in flight: for a device that does not
    /// return them although it should have, because a notification was lost. A device that missed nothing ignores the
    /// notification, so that it can be repeated at any time.
    pub fn notify_again(&mut self) -> Notification {
        self.notify_regardless()
    }
}

impl<N: Notifier, const K: usize, S> VirtQueue<N, K, S> {
    pub(crate) fn new(core: QueueCore, notifier: N) -> Self {
        let mut queue = Self { raw: RawQueue::new(core), notifier, state: PhantomData };
        queue.raw().reset_shadow();
        queue
    }

    /// Returns the part of the queue that does not depend on `K`.
    pub(crate) fn raw(&mut self) -> &mut RawQueue<[Slot]> {
        &mut self.raw
    }

    /// Returns the generation of the device that the queue was set up for.
    pub(crate) fn generation(&self) -> Generation {
        self.raw.core.generation
    }

    /// Returns the number of the queue on its device.
    pub const fn index(&self) -> u16 {
        self.raw.core.index
    }

    /// Returns the number of free descriptors.
    pub fn free(&self) -> usize {
        self.raw.shadow.free().into()
    }

    /// Returns the token that the next buffer will have.
    ///
    /// # Errors
    ///
    /// [`AddError`] if no descriptor is free, or if the queue is unusable.
    pub fn next_token(&self) -> Result<Token, AddError> {
        self.raw.next_token()
    }

    /// Returns the number of buffers in flight.
    pub fn in_flight(&self) -> usize {
        self.raw.shadow.in_flight().into()
    }

    /// Makes a buffer available to the device, which owns it until [`VirtQueue::pop`] returns its token.
    ///
    /// # Errors
    ///
    /// [`AddError`], and the caller still owns the buffer.
    ///
    /// # Safety
    ///
    /// Until the buffer is used, or the queue or its device is reset:
    ///
    /// * the memory of every element is valid for the access that the element allows the device;
    /// * nothing else writes to a device-readable element;
    /// * nothing else reads or writes a device-writable element.
    pub unsafe fn add(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        // SAFETY: the caller's promise is passed on.
        unsafe { self.raw().add(elements) }
    }

    /// Takes the next used buffer off the queue, in the order in which the device used them.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the device broke the protocol. From then on every call returns the same error, and the device keeps
    /// the buffers in flight.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        self.raw().pop()
    }

    /// Asks the device to interrupt, or not to interrupt, when it has used a buffer. After enabling interrupts, check for used
    /// buffers once more: the device need not interrupt for those used before this call.
    pub fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.raw.core.set_interrupts(interrupts);
    }

    /// Makes the queue unusable because of an error that the caller noticed, and returns the first error that did so.
    pub fn poison(&mut self, error: DeviceError) -> DeviceError {
        self.raw.poison(error)
    }

    /// Frees the memory of the ring after a reset of the device.
    ///
    /// # Errors
    ///
    /// The queue, unchanged, if the proof is for another device or for another reset of this one, or if `dma` belongs to another
    /// domain than the memory.
    pub fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        if !proof.ends(self.generation()) || !self.raw.core.is_in_domain_of(dma) {
            return Err(self);
        }
        // It is in the domain.
        let _ = self.raw.core.into_memory().release(dma);
        Ok(())
    }
}

/// Does not show the notifier, so that a driver which is generic over its transport can derive `Debug`.
impl<N, const K: usize, S> Debug for VirtQueue<N, K, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtQueue").field("raw", &self.raw).finish_non_exhaustive()
    }
}

/// A [`VirtQueue`] or a [`BufferQueue`](crate::BufferQueue) with the notifier `N`, which
/// [`Device::reset_queue`](crate::Device::reset_queue) can reset. Sealed.
pub trait Resettable<N>: sealed::Resettable<N> {}

impl<N: Notifier, const K: usize, S> Resettable<N> for VirtQueue<N, K, S> {}

impl<N: Notifier, const K: usize, S> sealed::Resettable<N> for VirtQueue<N, K, S> {
    fn parts(&mut self) -> sealed::Parts<'_, N> {
        sealed::Parts { raw: &mut self.raw, notifier: &mut self.notifier }
    }
}

pub(crate) mod sealed {
    use crate::queue::raw::RawQueue;
    use crate::queue::shadow::Slot;

    /// The part of a queue that does not depend on its number of descriptors, and its notifier.
    #[derive(Debug)]
    pub struct Parts<'a, N> {
        pub(crate) raw: &'a mut RawQueue<[Slot]>,
        pub(crate) notifier: &'a mut N,
    }

    pub trait Resettable<N> {
        fn parts(&mut self) -> Parts<'_, N>;
    }
}
