//! A copy of the descriptors of the buffers that the device has, in memory that the device does not share.

use core::fmt::{self, Debug, Formatter};

/// The maximum number of descriptors of a ring.
pub(super) const MOST_DESCRIPTORS: usize = 1024;
/// The maximum number of parts of all buffers that a device has at a time. Buffers that do not fit are logged without their bytes.
pub(super) const MOST_PARTS: usize = 1024;
/// Not an index of a slot.
const NONE: u16 = u16::MAX;

/// A part of a buffer, as a descriptor names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) address: u64,
    pub(super) len: u32,
    /// Whether it is device-writable.
    pub(super) is_writable: bool,
}

/// Memory for a part, and the index of the next slot of the buffer, or of the next free one.
#[derive(Clone, Copy)]
struct Slot {
    part: Part,
    next: u16,
}

/// The descriptors of one buffer.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    /// The first and the last slot, or [`NONE`].
    first: u16,
    last: u16,
    /// The number of descriptors in the ring. 0 if the device does not have the buffer.
    descriptors: u16,
    /// Whether each part has a slot.
    is_whole: bool,
}

impl Chain {
    /// A chain without descriptors.
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE, descriptors: 0, is_whole: true };

    /// Counts a descriptor of the ring.
    pub(super) const fn count(&mut self) {
        self.descriptors += 1;
    }
}

/// The descriptors of the buffers that the device has.
pub(super) struct Kept {
    slots: [Slot; MOST_PARTS],
    /// The first slot that is not in use.
    free: u16,
    /// The buffers by their ids.
    chains: [Chain; MOST_DESCRIPTORS],
}

impl Kept {
    /// Returns memory without buffers, and without free slots before [`Kept::clear`].
    pub(super) const fn new() -> Self {
        let part = Part { address: 0, len: 0, is_writable: false };
        Self { slots: [Slot { part, next: NONE }; MOST_PARTS], free: NONE, chains: [Chain::EMPTY; MOST_DESCRIPTORS] }
    }

    /// Removes all buffers. All slots are free afterwards.
    pub(super) fn clear(&mut self) {
        for (next, slot) in (1..).zip(&mut self.slots) {
            slot.next = next;
        }
        if let Some(last) = self.slots.last_mut() {
            last.next = NONE;
        }
        self.free = 0;
        self.chains.fill(Chain::EMPTY);
    }

    /// Adds a part to a buffer that is not inserted yet.
    pub(super) fn add(&mut self, chain: &mut Chain, part: Part) {
        if !chain.is_whole {
            return;
        }
        let index = self.free;
        let Some(slot) = self.slots.get_mut(usize::from(index)) else {
            chain.is_whole = false;
            return;
        };
        self.free = slot.next;
        *slot = Slot { part, next: NONE };
        match self.slots.get_mut(usize::from(chain.last)) {
            Some(last) => last.next = index,
            None => chain.first = index,
        }
        chain.last = index;
    }

    /// Inserts a buffer, which the device gets. A buffer with an id that is too large is left out: no driver uses it.
    pub(super) fn insert(&mut self, id: u16, mut chain: Chain) {
        self.remove(id);
        if !chain.is_whole {
            self.release(&chain);
            (chain.first, chain.last) = (NONE, NONE);
        }
        match self.chains.get_mut(usize::from(id)) {
            Some(place) => *place = chain,
            None => self.release(&chain),
        }
    }

    /// Removes a buffer. Returns how many descriptors of the ring it had, and 0 if the device did not have it.
    pub(super) fn remove(&mut self, id: u16) -> u16 {
        let Some(place) = self.chains.get_mut(usize::from(id)) else { return 0 };
        let chain = core::mem::replace(place, Chain::EMPTY);
        self.release(&chain);
        chain.descriptors
    }

    /// Frees the slots of a chain.
    fn release(&mut self, chain: &Chain) {
        if let Some(last) = self.slots.get_mut(usize::from(chain.last)) {
            last.next = self.free;
            self.free = chain.first;
        }
    }

    /// Returns the parts of a buffer that the device has. Returns `None` if it does not have the buffer.
    pub(super) fn parts(&self, id: u16) -> Option<Parts<'_>> {
        let chain = self.chains.get(usize::from(id)).filter(|chain| chain.descriptors > 0)?;
        Some(Parts { kept: self, next: chain.first, is_whole: chain.is_whole })
    }

    /// Returns the parts of each buffer that the device has.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = Parts<'_>> {
        (0..MOST_DESCRIPTORS as u16).filter_map(|id| self.parts(id))
    }
}

impl Debug for Kept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// The parts of a buffer, in order.
#[derive(Clone)]
pub(super) struct Parts<'a> {
    kept: &'a Kept,
    next: u16,
    /// Whether there was memory for all of them. Otherwise there are none.
    pub(super) is_whole: bool,
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let Slot { part, next } = *self.kept.slots.get(usize::from(self.next))?;
        self.next = next;
        Some(part)
    }
}
