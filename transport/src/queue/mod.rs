//! Virtqueues ("Virtqueues", 2.6).
//!
//! A [`VirtQueue`] keeps any number of buffers in flight, up to its descriptors. All that the device writes is checked
//! against a private copy before it is believed, see [`DeviceError`]. A [`BufferQueue`] owns the memory of its buffers
//! too, so that it can be used without `unsafe`.

mod buffers;
mod contents;
mod error;
mod indirect;
mod packed;
mod raw;
mod ring;
mod rules;
mod size;
mod split;
mod table;

use core::fmt::Debug;
use core::marker::PhantomData;

pub use self::buffers::BufferQueue;
pub(crate) use self::buffers::layout;
pub use self::contents::{Reader, Writer};
pub use self::error::{AddError, DeviceError, QueueError};
pub(crate) use self::indirect::Tables;
pub(crate) use self::raw::Fixed;
use self::raw::RawQueue;
pub(crate) use self::ring::Ring;
pub(crate) use self::rules::{Format, Indirect, Rules};
pub use self::size::{QueueLimit, QueueSize, RingPosition};
pub(crate) use self::split::LEGACY_ALIGN;
pub use self::split::{Interrupts, RingAddresses};
use self::table::Slot;
use crate::dma::{DeviceAddress, Dma};
use crate::lifecycle::{Device, Live, ResetProof};
use crate::transport::{Notifier, Transport};

/// State of a queue whose device is not live yet: buffers can be added, the device cannot be notified.
#[derive(Debug)]
pub struct Disabled;

/// State of a queue whose device is live.
#[derive(Debug)]
pub struct Enabled;

/// Who writes to an element of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The device only reads it.
    DeviceReads,
    /// The device only writes to it.
    DeviceWrites,
}

/// A contiguous part of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Where it starts, as the device sees it.
    pub address: DeviceAddress,
    /// Its length in bytes.
    pub len: u32,
    /// Who writes to it.
    pub access: Access,
}

/// What a driver needs of a queue. A number will do: that of descriptors.
///
/// ```
/// use aerostat_transport::queue::QueueNeeds;
///
/// // At least 4 descriptors; buffers of up to 16 elements take one of them, where the device offers INDIRECT_DESC and
/// // the driver wants it.
/// let needs = QueueNeeds::least(4).indirect(16);
/// assert_eq!(QueueNeeds::from(4), QueueNeeds::least(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueNeeds {
    pub(crate) least: u16,
    pub(crate) entries: u16,
}

impl QueueNeeds {
    /// At least so many descriptors.
    pub const fn least(descriptors: u16) -> Self {
        Self { least: descriptors, entries: 0 }
    }

    /// With the feature INDIRECT_DESC, a buffer of 2 to `elements` elements takes one descriptor. A table for it is kept beside
    /// each descriptor, 16 bytes an element. Without the feature such a buffer takes a descriptor an element.
    pub const fn indirect(self, elements: u16) -> Self {
        Self { entries: elements, ..self }
    }
}

impl From<u16> for QueueNeeds {
    fn from(descriptors: u16) -> Self {
        Self::least(descriptors)
    }
}

/// Names a buffer in a queue, from when it is added until it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u16);

impl Token {
    /// A number below the queue's descriptor limit `K`, unique among the buffers in flight: an index into a table of
    /// what the caller knows of them.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A buffer that the device has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The buffer.
    pub token: Token,
    /// Bytes that the device says it has written to the start of the device-writable part: no more than that part has,
    /// and 0 for a buffer without such a part, whatever the device says (some report there what they have read).
    pub written: u32,
}

/// Whether the device was told of new buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// It was.
    Sent,
    /// It had said that it need not be, or the queue is unusable.
    Suppressed,
}

/// A queue of a device with at most `K` descriptors in use at a time, told of new buffers through `N`.
///
/// Dropping a queue leaks its ring, because the device may still be using it; [`VirtQueue::release`] gives it back
/// after a reset.
#[derive(Debug)]
pub struct VirtQueue<N, const K: usize, S = Disabled> {
    raw: RawQueue<[Slot; K]>,
    notifier: N,
    state: PhantomData<fn() -> S>,
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Disabled> {
    /// The same queue, now that its device is live. With another device than its own it can no longer be used.
    #[inline(never)]
    pub fn enable<T: Transport, D, F>(mut self, live: &Device<T, D, Live<F>>) -> VirtQueue<N, K, Enabled> {
        if live.life() != self.raw.fixed.life {
            self.poison(DeviceError::OtherDevice { queue: self.index() });
        }
        let Self { raw, notifier, .. } = self;
        VirtQueue { raw, notifier, state: PhantomData }
    }
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Enabled> {
    /// Tells the device of the buffers added so far, unless it has said that it need not be told.
    pub fn notify(&mut self) -> Notification {
        if self.raw.poisoned().is_none() && self.raw.fixed.ring.wants_notification() {
            self.notifier.notify(self.raw.fixed.ring.position());
            Notification::Sent
        } else {
            Notification::Suppressed
        }
    }

    /// Number, size and addresses of the ring, to set the queue up with again.
    pub(crate) fn program(&self) -> (u16, QueueSize, RingAddresses) {
        (self.raw.fixed.index, self.raw.fixed.ring.size(), self.raw.fixed.ring.addresses())
    }

    /// The queue as it was when it was new: the device holds nothing of it, nor knows its ring.
    pub(crate) fn renew(self) -> Self {
        Self::new(self.raw.fixed.renew(), self.notifier)
    }

    /// The same queue with the notifier that belongs to it now.
    pub(crate) fn notified_by(self, notifier: N) -> Self {
        Self { notifier, ..self }
    }
}

impl<N: Notifier, const K: usize, S> VirtQueue<N, K, S> {
    pub(crate) fn new(fixed: Fixed, notifier: N) -> Self {
        let mut queue = Self { raw: RawQueue::new(fixed), notifier, state: PhantomData };
        queue.raw().begin();
        queue
    }

    /// The queue whatever the number of its descriptors.
    pub(crate) fn raw(&mut self) -> &mut RawQueue<[Slot]> {
        &mut self.raw
    }

    /// Number of the queue on its device.
    pub const fn index(&self) -> u16 {
        self.raw.fixed.index
    }

    /// Descriptors that are free.
    pub fn free(&self) -> usize {
        self.raw.table.free().into()
    }

    /// The token that the next buffer will have.
    ///
    /// # Errors
    ///
    /// [`AddError`] when no descriptor is free, or the queue is unusable.
    pub fn next_token(&self) -> Result<Token, AddError> {
        self.raw.next_token()
    }

    /// Buffers that the device holds.
    pub fn in_flight(&self) -> usize {
        self.raw.table.held().into()
    }

    /// Makes a buffer available to the device. It stays the device's until [`VirtQueue::pop`] returns its token.
    ///
    /// # Errors
    ///
    /// [`AddError`], and the buffer is still the caller's.
    ///
    /// # Safety
    ///
    /// Until the buffer comes back, or the queue or its device is reset, the memory of every element is valid for what the
    /// device does to it, nobody else writes to it, and where the device writes, nobody reads it.
    pub unsafe fn add(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        // SAFETY: the caller's promise is passed on.
        unsafe { self.raw().add(elements) }
    }

    /// Takes the next buffer off that the device has used, in the order in which the device used them.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when the device broke the protocol; from then on every call returns the same error, and buffers
    /// that the device holds stay with it.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        self.raw().pop()
    }

    /// Tells the device whether to interrupt when it has used a buffer. After [`Interrupts::Enabled`], look for used
    /// buffers once more: those used before this call may not be announced.
    pub fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.raw.fixed.ring.set_interrupts(interrupts);
    }

    /// Whether the queue is of this device, in this life.
    pub fn is_of<T: Transport, D, F>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.raw.fixed.life == device.life()
    }

    /// Makes the queue unusable, for an error that was noticed elsewhere.
    pub fn poison(&mut self, error: DeviceError) -> DeviceError {
        self.raw.poison(error)
    }

    /// Gives the memory of the ring back after the device was reset.
    ///
    /// # Errors
    ///
    /// The queue itself where the proof is of another device, or of an earlier life of this one.
    pub fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        if !proof.ends(self.raw.fixed.life) {
            return Err(self);
        }
        self.raw.fixed.ring.into_memory().release(dma);
        Ok(())
    }
}
