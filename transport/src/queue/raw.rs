//! The part of a queue that does not depend on its number of descriptors, so it is compiled once.

use aerostat_spec::Interface;
use aerostat_spec::direction::Direction;

use crate::dma::{Dma, DmaRegion};
use crate::queue::error::{AddError, DeviceError};
use crate::queue::generation::Generation;
use crate::queue::shadow::{Completion, DescriptorShadow, Extent, Slot};
use crate::queue::token::{Token, Used};
use crate::ring::{
    Access, Element, Indirect, IndirectTables, Interrupts, Link, NextUsed, QueueSize, Ring, RingAddresses,
    RingPosition, RuleBounds, Unbounded, UseOrder,
};

/// A ring and its descriptor shadow. `S` is an array of [`Slot`]s, or a slice after coercion.
#[derive(Debug)]
pub(crate) struct RawQueue<S: ?Sized> {
    pub(crate) core: QueueCore,
    pub(crate) shadow: DescriptorShadow<S>,
}

/// The operations of a queue, compiled for what the rules of its ring can be.
///
/// They are called through this table, so that the type of a queue does not depend on the features that a driver declares, and
/// the code for other features is not linked. Operations that few drivers use are not in it: they would be linked into every
/// driver.
#[derive(Debug)]
pub(crate) struct QueueOps {
    // These are generic, so they are compiled in the driver's crate. What they call on the way of a buffer is `#[inline]`, so that
    // it is inlined there.
    add: unsafe fn(&mut RawQueue<[Slot]>, &[Element]) -> Result<Token, AddError>,
    pop: fn(&mut RawQueue<[Slot]>) -> Result<Option<Used>, DeviceError>,
    position_if_wanted: fn(&mut Ring) -> Option<RingPosition>,
}

impl QueueOps {
    /// Returns the operations within these bounds.
    pub(crate) const fn within<B: RuleBounds>() -> &'static Self {
        const {
            &Self {
                add: RawQueue::add_within::<B>,
                pop: RawQueue::pop_within::<B>,
                position_if_wanted: Ring::position_if_wanted::<B>,
            }
        }
    }
}

/// Which parts the buffers of a queue can have: those that the device reads, and those that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directions {
    readable: bool,
    writable: bool,
}

impl Directions {
    /// Returns the parts that a description allows.
    pub(crate) const fn of<B: Direction>() -> Self {
        Self { readable: B::READABLE, writable: B::WRITABLE }
    }
}

/// A queue without its descriptor shadow.
#[derive(Debug)]
pub(crate) struct QueueCore {
    ring: Ring,
    ops: &'static QueueOps,
    tables: Option<IndirectTables>,
    directions: Directions,
    /// The rest of the batch that the device reported with one used entry.
    batch: Option<Batch>,
    pub(crate) index: u16,
    pub(crate) generation: Generation,
    poisoned: Option<DeviceError>,
}

/// Buffers that the device reported as used with one entry, in order (VIRTIO_F_IN_ORDER).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batch {
    /// The last buffer of the batch.
    last: u32,
    /// The length that the device reported for the last buffer, in bytes.
    length: u32,
}

impl QueueCore {
    pub(crate) fn new(
        ring: Ring,
        ops: &'static QueueOps,
        tables: Option<IndirectTables>,
        directions: Directions,
        index: u16,
        generation: Generation,
    ) -> Self {
        Self { ring, ops, tables, directions, batch: None, index, generation, poisoned: None }
    }

    /// Returns the position for a notification of the buffers made available since the last call, if the device wants one.
    pub(crate) fn position_if_wanted(&mut self) -> Option<RingPosition> {
        (self.ops.position_if_wanted)(&mut self.ring)
    }

    /// Returns the position for a notification regardless of whether the device wants one.
    pub(crate) fn position_regardless(&self) -> RingPosition {
        self.ring.position_regardless::<Unbounded>()
    }

    /// Returns whether the memory of the ring can be released to `dma`.
    pub(crate) fn is_in_domain_of(&self, dma: &impl Dma) -> bool {
        self.ring.memory().is_in_domain_of(dma)
    }

    pub(crate) fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.ring.set_interrupts::<Unbounded>(interrupts);
    }

    /// Returns the size of the ring and its addresses, to enable the queue again.
    pub(crate) fn program(&self) -> (QueueSize, RingAddresses) {
        (self.ring.size(), self.ring.addresses::<Unbounded>())
    }

    pub(crate) fn into_memory(self) -> DmaRegion {
        self.ring.into_memory()
    }

    /// Returns the next buffer that the device reports as used.
    fn next_used<B: RuleBounds>(&mut self, in_flight: u16) -> NextUsed {
        match self.batch {
            Some(Batch { last, length }) if self.ring.rules::<B>().order == UseOrder::InOrder => {
                NextUsed::Buffer { id: last, length }
            }
            _ => self.ring.next_used::<B>(in_flight),
        }
    }

    /// Returns the indirect tables if they describe a buffer of this many elements.
    fn tables_for<B: RuleBounds>(&self, elements: usize) -> Option<IndirectTables> {
        match self.ring.rules::<B>().indirect {
            Indirect::Allowed => self.tables.filter(|tables| tables.fit(elements)),
            Indirect::Forbidden => None,
        }
    }

    /// Returns the number of ring descriptors that a buffer of this many elements takes.
    fn descriptors_for<B: RuleBounds>(&self, elements: usize) -> usize {
        if self.tables_for::<B>(elements).is_some() { 1 } else { elements }
    }
}

impl<const K: usize> RawQueue<[Slot; K]> {
    /// Returns a queue without usable descriptors, see [`RawQueue::reset_shadow`].
    pub(crate) fn new(core: QueueCore) -> Self {
        Self { core, shadow: DescriptorShadow::new() }
    }
}

impl<S: ?Sized> RawQueue<S> {
    /// Returns the interface that the device is driven through.
    pub(crate) fn interface(&self) -> Interface {
        self.core.ring.interface()
    }

    /// Returns the error that made the queue unusable.
    pub(crate) const fn poisoned(&self) -> Option<DeviceError> {
        self.core.poisoned
    }

    /// Makes the queue unusable, and returns the first error that did so.
    #[cold]
    #[inline(never)]
    pub(crate) fn poison(&mut self, error: DeviceError) -> DeviceError {
        *self.core.poisoned.get_or_insert(error)
    }

    /// Returns the token that the next buffer will have.
    pub(crate) fn next_token(&self) -> Result<Token, AddError> {
        if let Some(error) = self.core.poisoned {
            return Err(AddError::Poisoned(error));
        }
        self.shadow.next_free().map(Token).ok_or(AddError::Full { queue: self.core.index, needed: 1, free: 0 })
    }
}

impl RawQueue<[Slot]> {
    /// Makes all descriptors of the ring free, or as many as the shadow has slots.
    pub(crate) fn reset_shadow(&mut self) {
        self.shadow.reset(self.core.ring.size().get());
    }

    /// Makes the queue what it was when it was new. The device must not know the ring.
    pub(crate) fn renew(&mut self) {
        (self.core.batch, self.core.poisoned) = (None, None);
        self.core.ring.renew::<Unbounded>();
        self.shadow.clear();
        self.reset_shadow();
    }

    /// Makes a buffer available to the device.
    ///
    /// # Safety
    ///
    /// As for [`VirtQueue::add`](crate::VirtQueue::add).
    pub(crate) unsafe fn add(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        // SAFETY: by the caller's promise.
        unsafe { (self.core.ops.add)(self, elements) }
    }

    /// Takes the next used buffer off the queue.
    pub(crate) fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        (self.core.ops.pop)(self)
    }

    /// Implements [`RawQueue::add`].
    ///
    /// # Safety
    ///
    /// As for [`VirtQueue::add`](crate::VirtQueue::add).
    unsafe fn add_within<B: RuleBounds>(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        let extent = self.check::<B>(elements)?;
        let full = AddError::Full {
            queue: self.core.index,
            needed: self.core.descriptors_for::<B>(elements.len()),
            free: self.shadow.free().into(),
        };
        let head = self.shadow.allocate().ok_or(full)?;
        let descriptors = match self.core.tables_for::<B>(elements.len()) {
            Some(tables) => self.describe_by_table::<B>(tables, head, elements),
            None => self.describe_by_chain::<B>(head, elements),
        };
        self.shadow.mark_in_flight(head, descriptors, extent);
        self.core.ring.make_available::<B>(head);
        Ok(Token(head))
    }

    /// Describes a buffer by an indirect table, and returns its number of descriptors.
    fn describe_by_table<B: RuleBounds>(&mut self, tables: IndirectTables, head: u16, elements: &[Element]) -> u16 {
        let ring = &mut self.core.ring;
        let table = tables.fill(ring.memory(), ring.rules::<B>(), head, elements);
        ring.describe::<B>(head, head, &table, Link::Table);
        1
    }

    /// Describes a buffer by a chain of descriptors, and returns their number.
    // conformance: construct ring.split.desc.2, ring.packed.sg.3: a chain follows a slice, and each descriptor is
    // taken from the free ones
    fn describe_by_chain<B: RuleBounds>(&mut self, head: u16, elements: &[Element]) -> u16 {
        let mut id = head;
        let mut rest = elements.iter().peekable();
        while let Some(element) = rest.next() {
            let next = if rest.peek().is_some() { self.shadow.allocate() } else { None };
            self.core.ring.describe::<B>(head, id, element, next.map_or(Link::End, Link::Next));
            if let Some(next) = next {
                self.shadow.link(id, next);
                id = next;
            }
        }
        // `check` has limited the elements to the number of descriptors.
        elements.len() as u16
    }

    /// Checks a buffer and returns its length.
    fn check<B: RuleBounds>(&self, elements: &[Element]) -> Result<Extent, AddError> {
        let queue = self.core.index;
        if let Some(error) = self.core.poisoned {
            return Err(AddError::Poisoned(error));
        }
        if elements.is_empty() || elements.iter().any(|element| element.len == 0) {
            return Err(AddError::Empty { queue });
        }
        let (needed, capacity) = (self.core.descriptors_for::<B>(elements.len()), self.shadow.usable().into());
        if needed > capacity {
            return Err(AddError::TooManyElements { queue, needed, capacity });
        }
        let free = self.shadow.free().into();
        if needed > free {
            return Err(AddError::Full { queue, needed, free });
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
        let Directions { readable, writable } = self.core.directions;
        if extent.writable > 0 && !writable || extent.writable < extent.total && !readable {
            return Err(AddError::Direction { queue });
        }
        Ok(extent)
    }

    /// Implements [`RawQueue::pop`].
    fn pop_within<B: RuleBounds>(&mut self) -> Result<Option<Used>, DeviceError> {
        if let Some(error) = self.core.poisoned {
            return Err(error);
        }
        let (queue, in_flight) = (self.core.index, self.shadow.in_flight());
        let error = match self.core.next_used::<B>(in_flight) {
            NextUsed::Nothing => return Ok(None),
            NextUsed::IndexJumped { from, to } => DeviceError::IndexJumped { queue, from, to, in_flight },
            NextUsed::Buffer { id, length } => {
                let length = self.accepted_length::<B>(id, length);
                match self.complete::<B>(id, length) {
                    Completion::Buffer { head, descriptors, written } => {
                        self.core.batch = (id != head.into()).then_some(Batch { last: id, length });
                        self.core.ring.advance::<B>(descriptors);
                        return Ok(Some(Used { token: Token(head), written }));
                    }
                    Completion::NotInFlight => DeviceError::NotOutstanding { queue, id },
                    Completion::TooLong(capacity) => DeviceError::LengthTooLong { queue, id, length, capacity },
                }
            }
        };
        Err(self.poison(error))
    }

    /// Completes a buffer that the device reports as used.
    fn complete<B: RuleBounds>(&mut self, id: u32, length: u32) -> Completion {
        match self.core.ring.rules::<B>().order {
            UseOrder::Any => self.shadow.complete(id, length),
            UseOrder::InOrder => self.shadow.complete_oldest(id, length),
        }
    }

    /// Returns the length to take for a used buffer. Many devices report a wrong one over the legacy interface, where a length
    /// above the capacity is therefore cut off ("Legacy Interface: The Virtqueue Used Ring", 2.7.8.1).
    fn accepted_length<B: RuleBounds>(&self, id: u32, length: u32) -> u32 {
        match self.core.ring.rules::<B>().interface {
            Interface::Modern => length,
            Interface::Legacy => self.shadow.capacity(id).map_or(length, |capacity| length.min(capacity)),
        }
    }
}
