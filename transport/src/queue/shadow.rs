//! The driver's private copy of the descriptor state.
//!
//! The device can write to the descriptor table. The driver therefore keeps here which descriptors are free, which ones make
//! up a buffer and how much of it the device may write, and never reads the table back.

/// The private state of each descriptor. `S` is an array of [`Slot`]s, or a slice after coercion.
#[derive(Debug)]
pub(crate) struct DescriptorShadow<S: ?Sized> {
    first_free: u16,
    free: u16,
    /// Descriptors in use by the driver.
    usable: u16,
    /// The first descriptor of the oldest buffer in flight. Valid only with VIRTIO_F_IN_ORDER.
    oldest: u16,
    /// Buffers that the device holds.
    in_flight: u16,
    slots: S,
}

/// The state of one descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// The next descriptor: of the free list, or of the buffer.
    next: u16,
    /// For the first descriptor of a buffer in flight, its number of descriptors; otherwise 0.
    elements: u16,
    /// For the first descriptor of a buffer in flight, the length of the buffer.
    extent: Extent,
}

impl Slot {
    const FREE: Self = Self { next: 0, elements: 0, extent: Extent { total: 0, writable: 0 } };
}

/// The length of a buffer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The whole buffer.
    pub(crate) total: u32,
    /// The device-writable part.
    pub(crate) writable: u32,
}

impl Extent {
    /// Returns the largest length that the device may report. For a buffer that the device only reads, deployed devices
    /// report the bytes they have read, although they should report 0.
    #[inline]
    const fn capacity(self) -> u32 {
        if self.writable == 0 { self.total } else { self.writable }
    }

    /// Returns the bytes written by a device that reports `length`.
    #[inline]
    const fn written(self, length: u32) -> u32 {
        if self.writable == 0 { 0 } else { length }
    }
}

/// The outcome of a used entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// The buffer is no longer in flight, and its descriptors are free.
    Buffer {
        /// Its first descriptor.
        head: u16,
        /// Its number of descriptors.
        descriptors: u16,
        /// Bytes that the device has written.
        written: u32,
    },
    /// No such buffer is in flight.
    NotInFlight,
    /// The reported length is above this capacity of the buffer, in bytes.
    TooLong(u32),
}

impl<const K: usize> DescriptorShadow<[Slot; K]> {
    const FITS: () = assert!(K > 0 && K <= 1 << 15, "a queue has 1 to 32768 descriptors");

    /// Returns a shadow without usable descriptors, see [`DescriptorShadow::reset`].
    pub(crate) const fn new() -> Self {
        let () = Self::FITS;
        Self { first_free: 0, free: 0, usable: 0, oldest: 0, in_flight: 0, slots: [Slot::FREE; K] }
    }
}

impl<S: ?Sized> DescriptorShadow<S> {
    /// Returns the number of descriptors that the driver uses.
    #[inline]
    pub(crate) const fn usable(&self) -> u16 {
        self.usable
    }

    /// Returns the number of free descriptors.
    #[inline]
    pub(crate) const fn free(&self) -> u16 {
        self.free
    }

    /// Returns the number of buffers in flight.
    #[inline]
    pub(crate) const fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Returns the descriptor that [`DescriptorShadow::allocate`] will return next.
    #[inline]
    pub(crate) fn next_free(&self) -> Option<u16> {
        (self.free > 0).then_some(self.first_free)
    }
}

impl DescriptorShadow<[Slot]> {
    /// Forgets all buffers. No descriptor is usable then, see [`DescriptorShadow::reset`].
    pub(crate) fn clear(&mut self) {
        (self.first_free, self.free, self.usable, self.oldest, self.in_flight) = (0, 0, 0, 0, 0);
        self.slots.fill(Slot::FREE);
    }

    /// Makes the first `usable` descriptors free, or as many as there are slots.
    ///
    /// The free list is a circle. It stays one as long as descriptors become free in the order of their allocation, which is
    /// what [`DescriptorShadow::complete_oldest`] relies on.
    pub(crate) fn reset(&mut self, usable: u16) {
        // There are at most 32768 slots.
        let usable = usable.min(self.slots.len() as u16);
        for (slot, following) in self.slots.iter_mut().zip(1..=usable) {
            slot.next = if following == usable { 0 } else { following };
        }
        (self.free, self.usable) = (usable, usable);
    }

    #[inline]
    fn slot(&self, id: u16) -> Option<&Slot> {
        self.slots.get(usize::from(id))
    }

    #[inline]
    fn slot_mut(&mut self, id: u16) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(id))
    }

    /// Allocates a free descriptor.
    #[inline]
    pub(crate) fn allocate(&mut self) -> Option<u16> {
        let id = self.next_free()?;
        self.first_free = self.slot(id)?.next;
        self.free -= 1;
        Some(id)
    }

    /// Links the allocated descriptor `from` to the allocated descriptor `to` of the same buffer.
    #[inline]
    pub(crate) fn link(&mut self, from: u16, to: u16) {
        if let Some(slot) = self.slot_mut(from) {
            slot.next = to;
        }
    }

    /// Marks the buffer of `elements` allocated descriptors that starts at `head` as in flight.
    #[inline]
    pub(crate) fn mark_in_flight(&mut self, head: u16, elements: u16, extent: Extent) {
        if let Some(slot) = self.slot_mut(head) {
            *slot = Slot { elements, extent, ..*slot };
            self.in_flight += 1;
        }
    }

    /// Returns the largest length that the device may report for the buffer that starts at `id`; `None` if it is not in flight.
    pub(crate) fn capacity(&self, id: u32) -> Option<u32> {
        self.buffer_at(id).map(|(_, slot)| slot.extent.capacity())
    }

    /// Returns the first descriptor of the buffer in flight that the device names `id`, and its state.
    #[inline]
    fn buffer_at(&self, id: u32) -> Option<(u16, Slot)> {
        let head = u16::try_from(id).ok()?;
        let slot = self.slot(head).copied().filter(|slot| slot.elements != 0)?;
        Some((head, slot))
    }

    /// Completes the buffer that the device reports as used, if it is in flight and `length` is possible.
    #[inline]
    pub(crate) fn complete(&mut self, id: u32, length: u32) -> Completion {
        let Some((head, slot)) = self.buffer_at(id) else { return Completion::NotInFlight };
        if length > slot.extent.capacity() {
            return Completion::TooLong(slot.extent.capacity());
        }
        self.push_free(head, slot.elements);
        self.finish(head, slot, length)
    }

    /// Completes the oldest buffer in flight, if the device reports that it has used all buffers up to `last`, and `length`
    /// bytes of that one ("In-order use of descriptors", 2.7.9 and 2.8.8).
    pub(crate) fn complete_oldest(&mut self, last: u32, length: u32) -> Completion {
        let (Some((last, _)), Some((head, slot))) = (self.buffer_at(last), self.buffer_at(self.oldest.into())) else {
            return Completion::NotInFlight;
        };
        // The buffers before the last one are used completely.
        let length = if head == last { length } else { slot.extent.capacity() };
        if length > slot.extent.capacity() {
            return Completion::TooLong(slot.extent.capacity());
        }
        // The free list is a circle, so the descriptors are already at its end.
        self.oldest = self.nth_after(head, slot.elements);
        self.finish(head, slot, length)
    }

    /// Puts the descriptors of a buffer at the start of the free list.
    #[inline]
    fn push_free(&mut self, head: u16, elements: u16) {
        let last = self.nth_after(head, elements.saturating_sub(1));
        let first_free = core::mem::replace(&mut self.first_free, head);
        self.link(last, first_free);
    }

    /// Returns the descriptor `count` links after `id`.
    #[inline]
    fn nth_after(&self, mut id: u16, count: u16) -> u16 {
        for _ in 0..count {
            id = self.slot(id).map_or(0, |slot| slot.next);
        }
        id
    }

    /// Marks a buffer as no longer in flight.
    #[inline]
    fn finish(&mut self, head: u16, buffer: Slot, length: u32) -> Completion {
        if let Some(slot) = self.slot_mut(head) {
            slot.elements = 0;
        }
        self.free += buffer.elements;
        self.in_flight -= 1;
        Completion::Buffer { head, descriptors: buffer.elements, written: buffer.extent.written(length) }
    }

    #[cfg(test)]
    fn is_in_flight(&self, head: u16) -> bool {
        self.buffer_at(head.into()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(shadow: &mut DescriptorShadow<[Slot]>, elements: u16) -> u16 {
        let head = shadow.allocate().unwrap();
        let mut last = head;
        for _ in 1..elements {
            let id = shadow.allocate().unwrap();
            shadow.link(last, id);
            last = id;
        }
        shadow.mark_in_flight(head, elements, Extent { total: 12, writable: 8 });
        head
    }

    #[test]
    fn a_descriptor_is_allocated_once_until_its_buffer_completes() {
        let shadow: &mut DescriptorShadow<[Slot]> = &mut DescriptorShadow::<[Slot; 8]>::new();
        shadow.reset(8);
        let heads = [add(shadow, 3), add(shadow, 1), add(shadow, 4)];
        assert_eq!((shadow.free(), shadow.in_flight(), shadow.allocate()), (0, 3, None));
        let buffer = |head, descriptors, written| Completion::Buffer { head, descriptors, written };
        assert_eq!(shadow.complete(heads[1].into(), 0), buffer(heads[1], 1, 0));
        assert_eq!(shadow.complete(heads[1].into(), 0), Completion::NotInFlight);
        assert_eq!(shadow.complete(heads[0].into(), 8), buffer(heads[0], 3, 8));
        assert_eq!((shadow.free(), shadow.in_flight()), (4, 1));
        let again = add(shadow, 4);
        assert!(shadow.is_in_flight(again) && shadow.is_in_flight(heads[2]));
        assert_eq!(shadow.allocate(), None);
    }

    #[test]
    fn ids_of_no_buffer_in_flight_are_rejected_and_change_nothing() {
        let shadow: &mut DescriptorShadow<[Slot]> = &mut DescriptorShadow::<[Slot; 8]>::new();
        shadow.reset(8);
        let head = add(shadow, 2);
        for id in [u32::from(head) + 1, 7, 8, 0xffff, 0x1_0000 + u32::from(head), u32::MAX] {
            assert_eq!(shadow.complete(id, 0), Completion::NotInFlight, "{id:#x}");
        }
        assert_eq!(shadow.complete(head.into(), 9), Completion::TooLong(8));
        assert_eq!((shadow.free(), shadow.in_flight()), (6, 1));
    }

    #[test]
    fn the_reported_length_of_a_device_readable_buffer_is_bounded_and_ignored() {
        let shadow: &mut DescriptorShadow<[Slot]> = &mut DescriptorShadow::<[Slot; 8]>::new();
        shadow.reset(8);
        let completed = Completion::Buffer { head: 0, descriptors: 1, written: 0 };
        for (length, completion) in [(12, completed), (13, Completion::TooLong(12))] {
            assert_eq!(shadow.allocate(), Some(0));
            shadow.mark_in_flight(0, 1, Extent { total: 12, writable: 0 });
            assert_eq!(shadow.complete(0, length), completion);
        }
    }

    #[test]
    fn a_ring_with_fewer_descriptors_limits_the_shadow() {
        let shadow: &mut DescriptorShadow<[Slot]> = &mut DescriptorShadow::<[Slot; 8]>::new();
        shadow.reset(2);
        assert_eq!((shadow.allocate(), shadow.allocate(), shadow.allocate()), (Some(0), Some(1), None));
    }

    #[test]
    fn in_order_descriptors_are_allocated_in_a_circle_and_complete_up_to_the_reported_buffer() {
        let shadow: &mut DescriptorShadow<[Slot]> = &mut DescriptorShadow::<[Slot; 8]>::new();
        shadow.reset(6);
        let buffer = |head, descriptors, written| Completion::Buffer { head, descriptors, written };
        let heads = [add(shadow, 2), add(shadow, 1), add(shadow, 2)];
        assert_eq!(heads, [0, 2, 3]);
        // The first buffer is used completely, regardless of the length of the second.
        assert_eq!(shadow.complete_oldest(2, 5), buffer(0, 2, 8));
        assert_eq!(shadow.complete_oldest(2, 5), buffer(2, 1, 5));
        assert_eq!(shadow.complete_oldest(2, 5), Completion::NotInFlight);
        assert_eq!(shadow.complete_oldest(4, 0), Completion::NotInFlight, "not the first descriptor of a buffer");
        assert_eq!(shadow.complete_oldest(3, 9), Completion::TooLong(8));
        assert_eq!([add(shadow, 2), add(shadow, 2)], [5, 1], "across the end of the descriptors");
        assert_eq!((shadow.free(), shadow.in_flight(), shadow.next_free()), (0, 3, None));
        for (head, descriptors) in [(3, 2), (5, 2), (1, 2)] {
            assert_eq!(shadow.complete_oldest(1, 0), buffer(head, descriptors, if head == 1 { 0 } else { 8 }));
        }
        assert_eq!((shadow.free(), shadow.in_flight(), shadow.next_free()), (6, 0, Some(3)));
    }
}
