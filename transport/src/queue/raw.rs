//! What a queue does whatever the number of its descriptors: it is compiled once.

use aerostat_spec::Interface;

use crate::lifecycle::Generation;
use crate::queue::indirect::Tables;
use crate::queue::ring::{Link, Next, Ring};
use crate::queue::rules::UseOrder;
use crate::queue::table::{Extent, Slot, Table, Taken};
use crate::queue::{Access, AddError, DeviceError, Element, Token, Used};

/// A ring and the private book of it, whose slots are `S`: an array, or after coercion a slice.
#[derive(Debug)]
pub(crate) struct RawQueue<S: ?Sized> {
    pub(crate) fixed: Fixed,
    pub(crate) table: Table<S>,
}

/// What a queue has whatever the number of its descriptors.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) ring: Ring,
    pub(crate) tables: Option<Tables>,
    /// The last buffer of those that the device has used together, and how much of it.
    batch: Option<(u32, u32)>,
    pub(crate) index: u16,
    pub(crate) life: Generation,
    poisoned: Option<DeviceError>,
}

impl Fixed {
    pub(crate) fn new(ring: Ring, tables: Option<Tables>, index: u16, life: Generation) -> Self {
        Self { ring, tables, batch: None, index, life, poisoned: None }
    }

    /// As it was when it was new: the device holds nothing, nor knows the ring.
    pub(crate) fn renew(self) -> Self {
        let (rules, size) = (self.ring.rules(), self.ring.size());
        Self::new(Ring::new(rules, self.ring.into_memory(), size), self.tables, self.index, self.life)
    }
}

impl<const K: usize> RawQueue<[Slot; K]> {
    /// A queue that still has to begin, see [`RawQueue::begin`].
    pub(crate) fn new(fixed: Fixed) -> Self {
        Self { fixed, table: Table::new() }
    }
}

impl<S: ?Sized> RawQueue<S> {
    /// The interface that the device is driven through.
    pub(crate) fn interface(&self) -> Interface {
        self.fixed.ring.rules().interface
    }

    /// The error that made the queue unusable.
    pub(crate) const fn poisoned(&self) -> Option<DeviceError> {
        self.fixed.poisoned
    }

    /// Makes the queue unusable, for the first of all errors.
    #[cold]
    #[inline(never)]
    pub(crate) fn poison(&mut self, error: DeviceError) -> DeviceError {
        *self.fixed.poisoned.get_or_insert(error)
    }

    /// The token that the next buffer will have.
    pub(crate) fn next_token(&self) -> Result<Token, AddError> {
        if let Some(error) = self.fixed.poisoned {
            return Err(AddError::Poisoned(error));
        }
        self.table.next_free().map(Token).ok_or(AddError::Full { queue: self.fixed.index, needed: 1, free: 0 })
    }
}

impl RawQueue<[Slot]> {
    /// Makes all descriptors free that the ring has too.
    pub(crate) fn begin(&mut self) {
        self.table.chain(self.fixed.ring.size().get());
    }

    /// Makes a buffer available to the device.
    ///
    /// # Safety
    ///
    /// As for [`VirtQueue::add`](crate::VirtQueue::add).
    pub(crate) unsafe fn add(&mut self, elements: &[Element]) -> Result<Token, AddError> {
        let extent = self.check(elements)?;
        let full = AddError::Full {
            queue: self.fixed.index,
            needed: self.descriptors(elements),
            free: self.table.free().into(),
        };
        let head = self.table.take().ok_or(full)?;
        if let Some(tables) = self.table_for(elements) {
            let table = tables.fill(self.fixed.ring.memory(), self.fixed.ring.rules(), head, elements);
            self.fixed.ring.describe(head, head, &table, Link::Table);
            self.table.lend(head, 1, extent);
        } else {
            let mut id = head;
            let mut rest = elements.iter().peekable();
            while let Some(element) = rest.next() {
                let next = if rest.peek().is_some() { self.table.take() } else { None };
                self.fixed.ring.describe(head, id, element, next.map_or(Link::End, Link::Next));
                if let Some(next) = next {
                    self.table.link(id, next);
                    id = next;
                }
            }
            // `check` has limited the elements to the descriptors of the table.
            self.table.lend(head, elements.len() as u16, extent);
        }
        self.fixed.ring.make_available(head);
        Ok(Token(head))
    }

    /// The tables, if the buffer is one for them.
    fn table_for(&self, elements: &[Element]) -> Option<Tables> {
        self.fixed.tables.filter(|tables| (2..=tables.entries().into()).contains(&elements.len()))
    }

    /// Descriptors of the ring that a buffer takes.
    fn descriptors(&self, elements: &[Element]) -> usize {
        if self.table_for(elements).is_some() { 1 } else { elements.len() }
    }

    /// Checks a buffer and returns how long it is.
    fn check(&self, elements: &[Element]) -> Result<Extent, AddError> {
        let queue = self.fixed.index;
        if let Some(error) = self.fixed.poisoned {
            return Err(AddError::Poisoned(error));
        }
        let capacity = self.table.usable().into();
        if elements.is_empty() || elements.iter().any(|element| element.len == 0) {
            return Err(AddError::Empty { queue });
        }
        let needed = self.descriptors(elements);
        if needed > capacity {
            return Err(AddError::TooManyElements { queue, needed, capacity });
        }
        let free = self.table.free().into();
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
        Ok(extent)
    }

    /// Takes the next buffer off that the device has used.
    pub(crate) fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        if let Some(error) = self.fixed.poisoned {
            return Err(error);
        }
        let (queue, in_flight) = (self.fixed.index, self.table.held());
        let error = match self.fixed.batch.map_or_else(|| self.fixed.ring.next_used(in_flight), Next::of) {
            Next::Nothing => return Ok(None),
            Next::Buffer { id, length } => {
                let length = self.believable(id, length);
                let taken = match self.fixed.ring.rules().order {
                    UseOrder::Any => self.table.take_back(id, length),
                    UseOrder::InOrder => self.table.take_oldest(id, length),
                };
                match taken {
                    Taken::Buffer { head, descriptors, written } => {
                        self.fixed.batch = (id != head.into()).then_some((id, length));
                        self.fixed.ring.advance(descriptors);
                        return Ok(Some(Used { token: Token(head), written }));
                    }
                    Taken::NotHeld => DeviceError::NotOutstanding { queue, id },
                    Taken::TooLong(capacity) => DeviceError::LengthTooLong { queue, id, length, capacity },
                }
            }
            Next::Jump { from, to } => DeviceError::IndexJumped { queue, from, to, in_flight },
        };
        Err(self.poison(error))
    }

    /// The length that the device reports of a buffer. Many devices of the legacy interface report a wrong one, so that there
    /// one that is too long is no error ("Legacy Interface: The Virtqueue Used Ring", 2.7.8.1).
    fn believable(&self, id: u32, length: u32) -> u32 {
        match self.fixed.ring.rules().interface {
            Interface::Modern => length,
            Interface::Legacy => self.table.capacity(id).map_or(length, |capacity| length.min(capacity)),
        }
    }
}
