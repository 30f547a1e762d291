//! The packed format: one ring of descriptors that both sides write, and an event structure of each side (2.8).

use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::{
    VRING_DESC_F_WRITE, VRING_PACKED_DESC_F_AVAIL, VRING_PACKED_DESC_F_USED, VRING_PACKED_EVENT_F_WRAP_CTR,
    VRING_PACKED_EVENT_FLAG_DESC, VRING_PACKED_EVENT_FLAG_DISABLE, VRING_PACKED_EVENT_FLAG_ENABLE,
};

use super::chain::{Chain, DESCRIPTOR, Descriptor, Flaw};
use super::{Events, Overrun, Part, Ring, Setup, Used, is_passed};
use crate::memory::Bus;
use crate::misbehave::Scribble;

const AVAIL: u16 = 1 << VRING_PACKED_DESC_F_AVAIL;
const USED: u16 = 1 << VRING_PACKED_DESC_F_USED;
const WRAP: u16 = 1 << VRING_PACKED_EVENT_F_WRAP_CTR;

/// Where the flags of a descriptor and of an event structure are.
const DESCRIPTOR_FLAGS: u64 = 14;
const EVENT_FLAGS: u64 = 2;
/// Bytes of an event structure.
const EVENT: u64 = 4;

/// A place in the ring, and the wrap counter of whoever has got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    slot: u16,
    wrap: bool,
}

impl Place {
    const START: Self = Self { slot: 0, wrap: true };

    /// The place `slots` further on, at most one turn.
    fn after(self, slots: u16, size: u16) -> Self {
        match self.slot + slots {
            slot if slot < size => Self { slot, ..self },
            slot => Self { slot: slot - size, wrap: !self.wrap },
        }
    }

    /// As an event structure or a notification says it.
    fn to_raw(self) -> u16 {
        if self.wrap { self.slot | WRAP } else { self.slot }
    }

    /// Whether a descriptor with these flags was made available here.
    fn is_available(self, flags: u16) -> bool {
        (flags & AVAIL != 0) == self.wrap && (flags & USED != 0) != self.wrap
    }

    /// The flags of a descriptor that was used here.
    fn used_flags(self) -> u16 {
        if self.wrap { AVAIL | USED } else { 0 }
    }
}

/// A packed ring.
#[derive(Debug)]
pub(in crate::model) struct Packed {
    setup: Setup,
    /// Where the next buffer is going to be made available, and where the next one is going to be used.
    next: Place,
    used: Place,
    /// How many buffers were taken.
    taken: u16,
    /// How many descriptors the buffers have that were taken and not given back.
    held: u16,
    /// How many descriptors were used since an interrupt was last thought of.
    unsignalled: u16,
    /// Where the latest used descriptor is, and its flags.
    latest: Option<(u16, u16)>,
    /// The same of one that was withdrawn.
    withdrawn: Option<(u16, u16)>,
}

impl Packed {
    pub(in crate::model) fn new(setup: Setup) -> Self {
        Self {
            setup,
            next: Place::START,
            used: Place::START,
            taken: 0,
            held: 0,
            unsignalled: 0,
            latest: None,
            withdrawn: None,
        }
    }

    fn slot(&self, slot: u16) -> u64 {
        self.setup.addresses[0] + DESCRIPTOR * u64::from(slot)
    }

    fn flags(&self, bus: &Bus, slot: u16) -> u16 {
        bus.load(self.slot(slot) + DESCRIPTOR_FLAGS).unwrap_or(0)
    }

    fn set_flags(&self, bus: &Bus, slot: u16, flags: u16) {
        let _ = bus.store(self.slot(slot) + DESCRIPTOR_FLAGS, flags);
    }

    /// The buffer that was made available at `place`, if one was.
    fn chain(&self, bus: &Bus, place: Place) -> Option<Chain> {
        if !place.is_available(self.flags(bus, place.slot)) {
            return None;
        }
        let mut chain = Chain::default();
        if self.follow(bus, place, &mut chain).is_none() {
            chain.flaws.push(Flaw::Broken);
        }
        Some(chain)
    }

    fn follow(&self, bus: &Bus, mut place: Place, chain: &mut Chain) -> Option<()> {
        while chain.slots < self.setup.size {
            let descriptor = Descriptor::packed(bus, self.slot(place.slot))?;
            if !place.is_available(descriptor.flags) {
                return None;
            }
            chain.id = descriptor.link;
            chain.slots += 1;
            if descriptor.is_indirect() {
                chain.note_indirect(descriptor);
                self.follow_table(bus, descriptor, chain)?;
            } else {
                chain.elements.push(descriptor.element());
            }
            if !descriptor.has_next() {
                return Some(());
            }
            place = place.after(1, self.setup.size);
        }
        None
    }

    /// All descriptors of an indirect table are part of the buffer, in order (2.8.7).
    fn follow_table(&self, bus: &Bus, table: Descriptor, chain: &mut Chain) -> Option<()> {
        let entries = table.table_entries().filter(|entries| *entries <= self.setup.size.into())?;
        for index in 0..u64::from(entries) {
            let descriptor = Descriptor::packed(bus, table.address.checked_add(DESCRIPTOR * index)?)?;
            if descriptor.is_indirect() {
                chain.flaws.push(Flaw::Nested);
                return None;
            }
            if u32::from(descriptor.flags) & !VRING_DESC_F_WRITE != 0 {
                chain.flaws.push(Flaw::TableFlags);
            }
            chain.elements.push(descriptor.element());
        }
        Some(())
    }

    /// The buffers that were made available from the device's place on, at most a whole turn. Where the next one goes.
    fn look(&self, bus: &Bus, mut each: impl FnMut(Chain)) -> Place {
        let mut place = self.next;
        let mut slots = 0;
        while slots < self.setup.size
            && let Some(chain) = self.chain(bus, place)
        {
            // A chain that cannot be read at all takes a place, too.
            let taken = chain.slots.max(1);
            slots = slots.saturating_add(taken);
            place = place.after(taken, self.setup.size);
            each(chain);
        }
        place
    }

    fn set_event(&self, bus: &Bus, place: u16, flags: u32) {
        let [_, _, at] = self.setup.addresses;
        let _ = bus.store(at, place);
        let _ = bus.store(at + EVENT_FLAGS, flags as u16);
    }
}

impl Ring for Packed {
    fn size(&self) -> u16 {
        self.setup.size
    }

    fn parts(&self) -> [Part; 3] {
        let size = u64::from(self.setup.size);
        Part::at(self.setup.addresses, [(DESCRIPTOR * size, 16), (EVENT, 4), (EVENT, 4)])
    }

    /// The whole ring has to be zero (2.8.13).
    fn is_fresh(&self, bus: &Bus) -> bool {
        let mut ring = vec![0; usize::from(self.setup.size) * DESCRIPTOR as usize];
        bus.read(self.slot(0), &mut ring).is_some() && ring.iter().all(|byte| *byte == 0)
    }

    fn taken(&self) -> u16 {
        self.taken
    }

    fn available(&self, bus: &Bus) -> u16 {
        let mut count = 0;
        self.look(bus, |_| count += 1);
        count
    }

    fn position(&self, bus: &Bus) -> u16 {
        self.look(bus, |_| {}).to_raw()
    }

    fn take(&mut self, bus: &Bus) -> Result<Vec<Chain>, Overrun> {
        let mut chains = Vec::new();
        self.next = self.look(bus, |chain| chains.push(chain));
        for chain in &mut chains {
            self.taken = self.taken.wrapping_add(1);
            self.held = self.held.saturating_add(chain.slots);
            if self.held > self.setup.size {
                chain.flaws.push(Flaw::Overrun);
            }
        }
        Ok(chains)
    }

    fn suppress(&mut self, bus: &Bus) {
        self.set_event(bus, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
    }

    fn want(&mut self, bus: &Bus) -> bool {
        match self.setup.events {
            Events::Flags => self.set_event(bus, 0, VRING_PACKED_EVENT_FLAG_ENABLE),
            Events::Index => self.set_event(bus, self.next.to_raw(), VRING_PACKED_EVENT_FLAG_DESC),
        }
        // Orders the needs before the look at the next descriptor (2.8.21.3).
        fence(Ordering::SeqCst);
        self.next.is_available(self.flags(bus, self.next.slot))
    }

    fn push(&mut self, bus: &Bus, Used { id, written, slots, .. }: Used) {
        if let Some((slot, flags)) = self.withdrawn.take() {
            self.set_flags(bus, slot, flags);
        }
        let at = self.slot(self.used.slot);
        let _ = bus.write_u32(at + 8, written);
        let _ = bus.store(at + 12, id as u16);
        // Without the flag the length means nothing (2.8.4).
        let writes = if written > 0 { VRING_DESC_F_WRITE as u16 } else { 0 };
        let flags = self.used.used_flags() | writes;
        self.set_flags(bus, self.used.slot, flags);
        self.latest = Some((self.used.slot, flags));
        self.used = self.used.after(slots.clamp(1, self.setup.size), self.setup.size);
        self.held = self.held.saturating_sub(slots);
        self.unsignalled = self.unsignalled.saturating_add(slots);
    }

    /// There is no index to lie with: descriptors ahead are marked as used whatever they hold, or the latest one is
    /// withdrawn.
    fn jump(&mut self, bus: &Bus, by: i16) {
        if by < 0
            && let Some((slot, flags)) = self.latest
        {
            self.set_flags(bus, slot, flags ^ (AVAIL | USED));
            self.withdrawn = self.latest;
        }
        let mut place = self.used;
        for _ in 0..by.clamp(0, self.setup.size as i16) {
            self.set_flags(bus, place.slot, place.used_flags());
            place = place.after(1, self.setup.size);
        }
    }

    fn wants_interrupt(&mut self, bus: &Bus) -> bool {
        // Orders the used descriptors before the look at what the driver wants (2.8.22).
        fence(Ordering::SeqCst);
        let new = self.used.slot;
        let old = new.wrapping_sub(std::mem::take(&mut self.unsignalled));
        let [_, at, _] = self.setup.addresses;
        match u32::from(bus.load(at + EVENT_FLAGS).unwrap_or(0)) & 0b11 {
            VRING_PACKED_EVENT_FLAG_DISABLE => false,
            VRING_PACKED_EVENT_FLAG_DESC if self.setup.events == Events::Index => {
                let event = bus.load(at).unwrap_or(0);
                // A place with the other wrap counter is one turn away.
                let turn = if (event & WRAP != 0) == self.used.wrap { 0 } else { self.setup.size };
                is_passed((event & !WRAP).wrapping_sub(turn), old, new)
            }
            _ => true,
        }
    }

    fn scribble(&mut self, bus: &Bus, what: Scribble) {
        let [descriptors, driver, device] = self.parts();
        // Interrupts and notifications stay wanted: only reserved flags are set.
        let event = |part: Part| {
            part.scribble(bus, 0);
            let _ = bus.store(part.address + EVENT_FLAGS, 0xfffc);
        };
        match what {
            // No descriptor is available with both flags set, in either turn.
            Scribble::Descriptors => descriptors.scribble(bus, 0),
            Scribble::AvailableRing => event(driver),
            Scribble::UsedRing => event(device),
            Scribble::Array => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_wraps_at_the_end_of_a_ring_of_any_size() {
        for size in [1, 3, 8, 32768] {
            let mut place = Place::START;
            for slot in (0..size).chain(0..size) {
                assert_eq!(place.slot, slot);
                place = place.after(1, size);
            }
            assert_eq!(place, Place::START);
        }
        assert_eq!(Place { slot: 4, wrap: true }.after(3, 5), Place { slot: 2, wrap: false });
    }

    #[test]
    fn a_descriptor_is_available_in_its_own_turn_only() {
        let (first, second) = (Place::START, Place { wrap: false, ..Place::START });
        assert!(first.is_available(AVAIL) && !second.is_available(AVAIL));
        assert!(second.is_available(USED) && !first.is_available(USED));
        for used in [0, AVAIL | USED] {
            assert!(!first.is_available(used) && !second.is_available(used));
        }
    }
}
