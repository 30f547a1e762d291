//! Virtqueues ("Virtqueues", 2.6).
//!
//! A [`VirtQueue`] keeps any number of buffers in flight, up to its descriptors. All that the device writes is checked
//! against a private copy before it is believed, see [`DeviceError`]. A [`BufferQueue`] owns the memory of its buffers
//! too, so that it can be used without `unsafe`.

mod buffers;
mod error;
mod packed;
mod ring;
mod size;
mod split;
mod table;

use core::fmt::Debug;
use core::marker::PhantomData;

pub(crate) use self::buffers::layout;
pub use self::buffers::{BufferQueue, Reader, Writer};
pub use self::error::{AddError, DeviceError, QueueError};
use self::ring::Next;
pub(crate) use self::ring::{Events, Format, Ring};
pub use self::size::QueueSize;
pub use self::split::{Interrupts, RingAddresses};
use self::table::{Extent, Table, Taken};
use crate::dma::{DeviceAddress, DmaRegion};
use crate::lifecycle::{Device, Life, Live, ResetProof};
use crate::transport::{Notifier, Transport};

/// State of a queue whose device is not live yet: buffers can be added, the device cannot be notified.
#[derive(Debug)]
pub struct Dormant;

/// State of a queue whose device is live.
#[derive(Debug)]
pub struct Awake;

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
pub struct VirtQueue<N, const K: usize, S = Dormant> {
    ring: Ring,
    table: Table<K>,
    index: u16,
    notifier: N,
    life: Life,
    poisoned: Option<DeviceError>,
    state: PhantomData<fn() -> S>,
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Dormant> {
    pub(crate) fn new(ring: Ring, index: u16, notifier: N, life: Life) -> Self {
        let table = Table::new(ring.size().get());
        Self { ring, table, index, notifier, life, poisoned: None, state: PhantomData }
    }

    /// The same queue, now that its device is live. With another device than its own it can no longer be used.
    pub fn wake<T: Transport, D, F>(mut self, live: &Device<T, D, Live<F>>) -> VirtQueue<N, K, Awake> {
        if live.life() != self.life {
            self.poison(DeviceError::OtherDevice { queue: self.index });
        }
        let Self { ring, table, index, notifier, life, poisoned, .. } = self;
        VirtQueue { ring, table, index, notifier, life, poisoned, state: PhantomData }
    }
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Awake> {
    /// Tells the device of the buffers added so far, unless it has said that it need not be told.
    pub fn notify(&mut self) -> Notification {
        if self.poisoned.is_none() && self.ring.wants_notification() {
            self.notifier.notify();
            Notification::Sent
        } else {
            Notification::Suppressed
        }
    }
}

impl<N: Notifier, const K: usize, S> VirtQueue<N, K, S> {
    /// Number of the queue on its device.
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// Descriptors that are free.
    pub fn free(&self) -> usize {
        self.table.free().into()
    }

    /// The token that the next buffer will have.
    ///
    /// # Errors
    ///
    /// [`AddError`] when no descriptor is free, or the queue is unusable.
    pub fn next_token(&self) -> Result<Token, AddError> {
        if let Some(error) = self.poisoned {
            return Err(AddError::Poisoned(error));
        }
        self.table.next_free().map(Token).ok_or(AddError::Full { queue: self.index, needed: 1, free: 0 })
    }

    /// Buffers that the device holds.
    pub fn in_flight(&self) -> usize {
        self.table.held().into()
    }

    /// Makes a buffer available to the device. It stays the device's until [`VirtQueue::pop`] returns its token.
    ///
    /// # Errors
    ///
    /// [`AddError`], and the buffer is still the caller's.
    ///
    /// # Safety
    ///
    /// Until the buffer comes back or the device is reset, the memory of every element is valid for what the device does
    /// to it, nobody else writes to it, and where the device writes, nobody reads it.
    pub unsafe fn add(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        let extent = self.check(elements)?;
        let full = AddError::Full { queue: self.index, needed: elements.len(), free: self.free() };
        let head = self.table.next_free().ok_or(full)?;
        let mut id = head;
        let mut rest = elements.iter().peekable();
        while let Some(element) = rest.next() {
            self.table.take();
            let next = if rest.peek().is_some() { self.table.next_free() } else { None };
            self.ring.describe(head, id, element, next);
            if let Some(next) = next {
                self.table.link(id, next);
                id = next;
            }
        }
        // `check` has limited the elements to the descriptors of the table.
        self.table.lend(head, elements.len() as u16, extent);
        self.ring.make_available(head);
        Ok(Token(head))
    }

    /// Checks a buffer and returns how long it is.
    fn check(&self, elements: &[Element]) -> Result<Extent, AddError> {
        let queue = self.index;
        if let Some(error) = self.poisoned {
            return Err(AddError::Poisoned(error));
        }
        let capacity = K.min(self.ring.size().get().into());
        if elements.is_empty() || elements.iter().any(|element| element.len == 0) {
            return Err(AddError::Empty { queue });
        }
        if elements.len() > capacity {
            return Err(AddError::TooManyElements { queue, needed: elements.len(), capacity });
        }
        if elements.len() > self.free() {
            return Err(AddError::Full { queue, needed: elements.len(), free: self.free() });
        }
        if !elements.is_sorted_by_key(|element| element.access == Access::DeviceWrites) {
            return Err(AddError::Order { queue });
        }
        let mut extent = Extent { total: 0, writable: 0 };
        for element in elements {
            extent.total = extent.total.checked_add(element.len).ok_or(AddError::TooLong { queue })?;
            if element.access == Access::DeviceWrites {
                extent.writable += element.len;
            }
        }
        Ok(extent)
    }

    /// Takes the next buffer off that the device has used, in the order in which the device used them.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when the device broke the protocol; from then on every call returns the same error, and buffers
    /// that the device holds stay with it.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        if let Some(error) = self.poisoned {
            return Err(error);
        }
        let queue = self.index;
        let in_flight = self.table.held();
        let (id, length) = match self.ring.next_used(in_flight) {
            Next::Nothing => return Ok(None),
            Next::Buffer { id, length } => (id, length),
            Next::Jump { from, to } => {
                return Err(self.poison(DeviceError::IndexJumped { queue, from, to, in_flight }));
            }
        };
        match self.table.take_back(id, length) {
            Taken::Buffer { head, descriptors, written } => {
                self.ring.advance(descriptors);
                Ok(Some(Used { token: Token(head), written }))
            }
            Taken::NotHeld => Err(self.poison(DeviceError::NotOutstanding { queue, id })),
            Taken::TooLong(capacity) => Err(self.poison(DeviceError::LengthTooLong { queue, id, length, capacity })),
        }
    }

    /// Tells the device whether to interrupt when it has used a buffer. After [`Interrupts::Wanted`], look for used
    /// buffers once more: those used before this call may not be announced.
    pub fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.ring.set_interrupts(interrupts);
    }

    /// Whether the queue is of this device, in this life.
    pub fn is_of<T: Transport, D, F>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.life == device.life()
    }

    /// Makes the queue unusable, for an error that was noticed elsewhere.
    pub fn poison(&mut self, error: DeviceError) -> DeviceError {
        *self.poisoned.get_or_insert(error)
    }

    /// Gives the memory of the ring back after the device was reset.
    ///
    /// # Errors
    ///
    /// The queue itself where the proof is of another device, or of an earlier life of this one.
    pub fn release(self, proof: &ResetProof) -> Result<DmaRegion, Self> {
        if proof.ends(self.life) { Ok(self.ring.into_memory()) } else { Err(self) }
    }
}
