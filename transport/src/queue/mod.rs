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
mod ring;
mod rules;
mod size;
mod split;
mod table;

use core::fmt::Debug;
use core::marker::PhantomData;

use aerostat_spec::Interface;

pub use self::buffers::BufferQueue;
pub(crate) use self::buffers::layout;
pub use self::contents::{Reader, Writer};
pub use self::error::{AddError, DeviceError, QueueError};
pub(crate) use self::indirect::Tables;
pub(crate) use self::ring::Ring;
use self::ring::{Link, Next};
pub(crate) use self::rules::{Format, Indirect, Rules, UseOrder};
pub use self::size::{QueueLimit, QueueSize, RingPosition};
pub(crate) use self::split::LEGACY_ALIGN;
pub use self::split::{Interrupts, RingAddresses};
use self::table::{Extent, Table, Taken};
use crate::dma::{DeviceAddress, Dma};
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

/// What a driver wants of a queue. A number is a wish too: that of descriptors.
///
/// ```
/// use aerostat_transport::queue::Wish;
///
/// // At least 4 descriptors; buffers of up to 16 elements take one of them, where the device offers INDIRECT_DESC and
/// // the driver wants it.
/// let wish = Wish::least(4).indirect(16);
/// assert_eq!(Wish::from(4), Wish::least(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub(crate) least: u16,
    pub(crate) entries: u16,
}

impl Wish {
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

impl From<u16> for Wish {
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
pub struct VirtQueue<N, const K: usize, S = Dormant> {
    ring: Ring,
    tables: Option<Tables>,
    table: Table<K>,
    /// The last buffer of those that the device has used together, and how much of it.
    batch: Option<(u32, u32)>,
    index: u16,
    notifier: N,
    life: Life,
    poisoned: Option<DeviceError>,
    state: PhantomData<fn() -> S>,
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Dormant> {
    pub(crate) fn new(ring: Ring, tables: Option<Tables>, index: u16, notifier: N, life: Life) -> Self {
        let table = Table::new(ring.size().get());
        Self { ring, tables, table, batch: None, index, notifier, life, poisoned: None, state: PhantomData }
    }

    /// The same queue, now that its device is live. With another device than its own it can no longer be used.
    pub fn wake<T: Transport, D, F>(mut self, live: &Device<T, D, Live<F>>) -> VirtQueue<N, K, Awake> {
        if live.life() != self.life {
            self.poison(DeviceError::OtherDevice { queue: self.index });
        }
        let Self { ring, tables, table, batch, index, notifier, life, poisoned, .. } = self;
        VirtQueue { ring, tables, table, batch, index, notifier, life, poisoned, state: PhantomData }
    }
}

impl<N: Notifier, const K: usize> VirtQueue<N, K, Awake> {
    /// Tells the device of the buffers added so far, unless it has said that it need not be told.
    pub fn notify(&mut self) -> Notification {
        if self.poisoned.is_none() && self.ring.wants_notification() {
            self.notifier.notify(self.ring.position());
            Notification::Sent
        } else {
            Notification::Suppressed
        }
    }

    /// Number, size and addresses of the ring, to set the queue up with again.
    pub(crate) fn program(&self) -> (u16, QueueSize, RingAddresses) {
        (self.index, self.ring.size(), self.ring.addresses())
    }

    /// The queue as it was when it was new: the device holds nothing of it, nor knows its ring.
    pub(crate) fn renew(self) -> Self {
        let Self { ring, mut table, tables, index, notifier, life, .. } = self;
        table.clear();
        let (rules, size) = (ring.rules(), ring.size());
        let ring = Ring::new(rules, ring.into_memory(), size);
        Self { ring, tables, table, batch: None, index, notifier, life, poisoned: None, state: PhantomData }
    }

    /// The same queue with the notifier that belongs to it now.
    pub(crate) fn notified_by(self, notifier: N) -> Self {
        Self { notifier, ..self }
    }
}

impl<N: Notifier, const K: usize, S> VirtQueue<N, K, S> {
    /// The interface that the device is driven through.
    pub(crate) fn interface(&self) -> Interface {
        self.ring.rules().interface
    }

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
    /// Until the buffer comes back, or the queue or its device is reset, the memory of every element is valid for what the device does
    /// to it, nobody else writes to it, and where the device writes, nobody reads it.
    pub unsafe fn add(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        let extent = self.check(elements)?;
        let full = AddError::Full { queue: self.index, needed: self.descriptors(elements), free: self.free() };
        let head = self.table.take().ok_or(full)?;
        if let Some(tables) = self.table_for(elements) {
            let table = tables.fill(self.ring.memory(), self.ring.rules(), head, elements);
            self.ring.describe(head, head, &table, Link::Table);
            self.table.lend(head, 1, extent);
        } else {
            let mut id = head;
            let mut rest = elements.iter().peekable();
            while let Some(element) = rest.next() {
                let next = if rest.peek().is_some() { self.table.take() } else { None };
                self.ring.describe(head, id, element, next.map_or(Link::End, Link::Next));
                if let Some(next) = next {
                    self.table.link(id, next);
                    id = next;
                }
            }
            // `check` has limited the elements to the descriptors of the table.
            self.table.lend(head, elements.len() as u16, extent);
        }
        self.ring.make_available(head);
        Ok(Token(head))
    }

    /// The tables, if the buffer is one for them.
    fn table_for(&self, elements: &[Element]) -> Option<Tables> {
        self.tables.filter(|tables| (2..=tables.entries().into()).contains(&elements.len()))
    }

    /// Descriptors of the ring that a buffer takes.
    fn descriptors(&self, elements: &[Element]) -> usize {
        if self.table_for(elements).is_some() { 1 } else { elements.len() }
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
        let needed = self.descriptors(elements);
        if needed > capacity {
            return Err(AddError::TooManyElements { queue, needed, capacity });
        }
        if needed > self.free() {
            return Err(AddError::Full { queue, needed, free: self.free() });
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
        let (id, length) = match self.batch.map_or_else(|| self.ring.next_used(in_flight), Next::of) {
            Next::Nothing => return Ok(None),
            Next::Buffer { id, length } => (id, self.believable(id, length)),
            Next::Jump { from, to } => {
                return Err(self.poison(DeviceError::IndexJumped { queue, from, to, in_flight }));
            }
        };
        let taken = match self.ring.rules().order {
            UseOrder::Any => self.table.take_back(id, length),
            UseOrder::InOrder => self.table.take_oldest(id, length),
        };
        match taken {
            Taken::Buffer { head, descriptors, written } => {
                self.batch = (id != head.into()).then_some((id, length));
                self.ring.advance(descriptors);
                Ok(Some(Used { token: Token(head), written }))
            }
            Taken::NotHeld => Err(self.poison(DeviceError::NotOutstanding { queue, id })),
            Taken::TooLong(capacity) => Err(self.poison(DeviceError::LengthTooLong { queue, id, length, capacity })),
        }
    }

    /// The length that the device reports of a buffer. Many devices of the legacy interface report a wrong one, so that there
    /// one that is too long is no error ("Legacy Interface: The Virtqueue Used Ring", 2.7.8.1).
    fn believable(&self, id: u32, length: u32) -> u32 {
        match self.ring.rules().interface {
            Interface::Modern => length,
            Interface::Legacy => self.table.capacity(id).map_or(length, |capacity| length.min(capacity)),
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
    pub fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        if !proof.ends(self.life) {
            return Err(self);
        }
        self.ring.into_memory().release(dma);
        Ok(())
    }
}
