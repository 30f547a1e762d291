//! The private copy of what the device holds.
//!
//! The descriptor table itself lies in memory that the device can write. Which descriptors are free, which make up a
//! buffer and how much of it the device may write are therefore kept here and never read back.

/// Book of descriptors, whose slots are `S`: an array, or after coercion a slice.
#[derive(Debug)]
pub(crate) struct Table<S: ?Sized> {
    first_free: u16,
    free: u16,
    /// Descriptors in use.
    usable: u16,
    /// The first descriptor of the buffer that the device holds longest. Only of use in order.
    oldest: u16,
    /// Buffers that the device holds.
    held: u16,
    slots: S,
}

/// What is known of a descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// For a free descriptor the next free one, for a descriptor of a buffer the next of that buffer.
    next: u16,
    /// For the first descriptor of a buffer that the device holds: how many descriptors it has. Otherwise 0.
    elements: u16,
    /// For the first descriptor of a buffer that the device holds: how long it is.
    extent: Extent,
}

/// How long a buffer is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// All of it.
    pub(crate) total: u32,
    /// The part that the device may write.
    pub(crate) writable: u32,
}

impl Extent {
    /// The most that the device may report. A buffer that it only reads has nothing to report, yet deployed devices report
    /// there what they read.
    const fn capacity(self) -> u32 {
        if self.writable == 0 { self.total } else { self.writable }
    }

    /// What it has written, if it reports so many bytes.
    const fn written(self, length: u32) -> u32 {
        if self.writable == 0 { 0 } else { length }
    }
}

/// What was known of a buffer that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was held, and is free again.
    Buffer {
        /// Its first descriptor.
        head: u16,
        /// How many descriptors it has.
        descriptors: u16,
        /// Bytes that the device has written.
        written: u32,
    },
    /// The device does not hold it.
    NotHeld,
    /// It has room for no more than this many bytes.
    TooLong(u32),
}

impl<const K: usize> Table<[Slot; K]> {
    const FITS: () = assert!(K > 0 && K <= 1 << 15, "a queue has 1 to 32768 descriptors");

    /// A table of which no descriptor is used yet.
    pub(crate) const fn new() -> Self {
        let () = Self::FITS;
        let slot = Slot { next: 0, elements: 0, extent: Extent { total: 0, writable: 0 } };
        Self { first_free: 0, free: 0, usable: 0, oldest: 0, held: 0, slots: [slot; K] }
    }
}

impl<S: ?Sized> Table<S> {
    /// Descriptors in use.
    pub(crate) const fn usable(&self) -> u16 {
        self.usable
    }

    pub(crate) const fn free(&self) -> u16 {
        self.free
    }

    pub(crate) const fn held(&self) -> u16 {
        self.held
    }

    /// The descriptor that [`Table::take`] will give next.
    pub(crate) fn next_free(&self) -> Option<u16> {
        (self.free > 0).then_some(self.first_free)
    }
}

impl Table<[Slot]> {
    /// Makes the first descriptors free, at most `usable`: in a circle, which they stay as long as they are freed in the order in
    /// which they were taken.
    pub(crate) fn chain(&mut self, usable: u16) {
        // The number of slots has 16 bits.
        let usable = usable.min(self.slots.len() as u16);
        for (slot, following) in self.slots.iter_mut().zip(1..=usable) {
            slot.next = if following == usable { 0 } else { following };
        }
        (self.free, self.usable) = (usable, usable);
    }

    fn slot(&self, id: u16) -> Option<&Slot> {
        self.slots.get(usize::from(id))
    }

    fn slot_mut(&mut self, id: u16) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(id))
    }

    /// Takes one free descriptor for a buffer that is being put together.
    pub(crate) fn take(&mut self) -> Option<u16> {
        let id = self.next_free()?;
        self.first_free = self.slot(id)?.next;
        self.free -= 1;
        Some(id)
    }

    /// Notes that the device now holds the buffer of `elements` descriptors that starts at `head`.
    pub(crate) fn lend(&mut self, head: u16, elements: u16, extent: Extent) {
        if let Some(slot) = self.slot_mut(head) {
            *slot = Slot { elements, extent, ..*slot };
            self.held += 1;
        }
    }

    /// Links `from` to `to` in a buffer that is being put together.
    pub(crate) fn link(&mut self, from: u16, to: u16) {
        if let Some(slot) = self.slot_mut(from) {
            slot.next = to;
        }
    }

    /// Bytes that the device may report of the buffer that starts at `id`; `None` where it does not hold it.
    pub(crate) fn capacity(&self, id: u32) -> Option<u32> {
        self.held_at(id).map(|(_, slot)| slot.extent.capacity())
    }

    /// First descriptor of a buffer that the device holds, and what is known of it.
    fn held_at(&self, id: u32) -> Option<(u16, Slot)> {
        let head = u16::try_from(id).ok()?;
        let slot = self.slot(head).copied().filter(|slot| slot.elements != 0)?;
        Some((head, slot))
    }

    /// Takes back the buffer that the device says it used, if it holds it and `length` is possible.
    pub(crate) fn take_back(&mut self, id: u32, length: u32) -> Taken {
        let Some((head, slot)) = self.held_at(id) else { return Taken::NotHeld };
        if length > slot.extent.capacity() {
            return Taken::TooLong(slot.extent.capacity());
        }
        let last = self.end_of(head, slot.elements.saturating_sub(1));
        let first_free = core::mem::replace(&mut self.first_free, head);
        self.link(last, first_free);
        self.give_back(head, slot, slot.extent.written(length))
    }

    /// Takes back the buffer that the device holds longest, if the device says that it has used all up to the buffer `id`,
    /// and so many bytes of that one. Of the others all is used ("In-order use of descriptors", 2.7.9 and 2.8.8).
    pub(crate) fn take_oldest(&mut self, id: u32, length: u32) -> Taken {
        let (Some((last, _)), Some((head, slot))) = (self.held_at(id), self.held_at(self.oldest.into())) else {
            return Taken::NotHeld;
        };
        let written = if head == last { length } else { slot.extent.capacity() };
        if written > slot.extent.capacity() {
            return Taken::TooLong(slot.extent.capacity());
        }
        self.oldest = self.end_of(head, slot.elements);
        self.give_back(head, slot, slot.extent.written(written))
    }

    /// The descriptor that is so many behind another one.
    fn end_of(&self, mut id: u16, steps: u16) -> u16 {
        for _ in 0..steps {
            id = self.slot(id).map_or(0, |slot| slot.next);
        }
        id
    }

    /// Strikes out a buffer that the device no longer holds.
    fn give_back(&mut self, head: u16, was: Slot, written: u32) -> Taken {
        if let Some(slot) = self.slot_mut(head) {
            slot.elements = 0;
        }
        self.free += was.elements;
        self.held -= 1;
        Taken::Buffer { head, descriptors: was.elements, written }
    }

    /// Whether the device holds the buffer that starts at `head`.
    #[cfg(test)]
    fn holds(&self, head: u16) -> bool {
        self.held_at(head.into()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lend(table: &mut Table<[Slot]>, elements: u16) -> u16 {
        let head = table.take().unwrap();
        let mut last = head;
        for _ in 1..elements {
            let id = table.take().unwrap();
            table.link(last, id);
            last = id;
        }
        table.lend(head, elements, Extent { total: 12, writable: 8 });
        head
    }

    #[test]
    fn a_descriptor_is_lent_once_until_it_comes_back() {
        let table: &mut Table<[Slot]> = &mut Table::<[Slot; 8]>::new();
        table.chain(8);
        let heads = [lend(table, 3), lend(table, 1), lend(table, 4)];
        assert_eq!((table.free(), table.held(), table.take()), (0, 3, None));
        assert_eq!(table.take_back(heads[1].into(), 0), Taken::Buffer { head: heads[1], descriptors: 1, written: 0 });
        assert_eq!(table.take_back(heads[1].into(), 0), Taken::NotHeld);
        assert_eq!(table.take_back(heads[0].into(), 8), Taken::Buffer { head: heads[0], descriptors: 3, written: 8 });
        assert_eq!((table.free(), table.held()), (4, 1));
        let again = lend(table, 4);
        assert!(table.holds(again) && table.holds(heads[2]));
        assert_eq!(table.take(), None);
    }

    #[test]
    fn ids_that_no_buffer_has_are_refused_and_change_nothing() {
        let table: &mut Table<[Slot]> = &mut Table::<[Slot; 8]>::new();
        table.chain(8);
        let head = lend(table, 2);
        for id in [u32::from(head) + 1, 7, 8, 0xffff, 0x1_0000 + u32::from(head), u32::MAX] {
            assert_eq!(table.take_back(id, 0), Taken::NotHeld, "{id:#x}");
        }
        assert_eq!(table.take_back(head.into(), 9), Taken::TooLong(8));
        assert_eq!((table.free(), table.held()), (6, 1));
    }

    #[test]
    fn what_a_device_reports_of_a_buffer_that_it_only_reads_is_bounded_and_ignored() {
        let table: &mut Table<[Slot]> = &mut Table::<[Slot; 8]>::new();
        table.chain(8);
        for (length, taken) in [(12, Taken::Buffer { head: 0, descriptors: 1, written: 0 }), (13, Taken::TooLong(12))] {
            assert_eq!(table.take(), Some(0));
            table.lend(0, 1, Extent { total: 12, writable: 0 });
            assert_eq!(table.take_back(0, length), taken);
        }
    }

    #[test]
    fn a_device_with_fewer_descriptors_limits_the_table() {
        let table: &mut Table<[Slot]> = &mut Table::<[Slot; 8]>::new();
        table.chain(2);
        assert_eq!((table.take(), table.take(), table.take()), (Some(0), Some(1), None));
    }

    #[test]
    fn in_order_descriptors_are_taken_in_circles_and_come_back_up_to_the_one_that_was_used() {
        let table: &mut Table<[Slot]> = &mut Table::<[Slot; 8]>::new();
        table.chain(6);
        let buffer = |head, descriptors, written| Taken::Buffer { head, descriptors, written };
        let heads = [lend(table, 2), lend(table, 1), lend(table, 2)];
        assert_eq!(heads, [0, 2, 3]);
        // The first is used as a whole, whatever is said of the second.
        assert_eq!(table.take_oldest(2, 5), buffer(0, 2, 8));
        assert_eq!(table.take_oldest(2, 5), buffer(2, 1, 5));
        assert_eq!(table.take_oldest(2, 5), Taken::NotHeld);
        assert_eq!(table.take_oldest(4, 0), Taken::NotHeld, "no head");
        assert_eq!(table.take_oldest(3, 9), Taken::TooLong(8));
        assert_eq!([lend(table, 2), lend(table, 2)], [5, 1], "past the end of the descriptors in use");
        assert_eq!((table.free(), table.held(), table.next_free()), (0, 3, None));
        for (head, descriptors) in [(3, 2), (5, 2), (1, 2)] {
            assert_eq!(table.take_oldest(1, 0), buffer(head, descriptors, if head == 1 { 0 } else { 8 }));
        }
        assert_eq!((table.free(), table.held(), table.next_free()), (6, 0, Some(3)));
    }
}
