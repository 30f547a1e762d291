//! The split format: a table of descriptors, the driver's available ring and the device's used ring (2.7).

use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::{VRING_AVAIL_F_NO_INTERRUPT, VRING_USED_F_NO_NOTIFY};

use super::chain::{Chain, DESCRIPTOR, Descriptor, Flaw};
use super::{Events, Order, Overrun, Part, Ring, Setup, Used, is_passed};
use crate::memory::Bus;
use crate::misbehave::Scribble;

/// Both rings start with flags and an index.
const INDEX: u64 = 2;
const ENTRIES: u64 = 4;

/// A split ring.
#[derive(Debug)]
pub(in crate::model) struct Split {
    setup: Setup,
    /// Where the device is in the available ring, and in its own.
    taken: u16,
    used: u16,
    /// Where in the table the next chain starts if the order is kept.
    next_head: u16,
    /// The used index when an interrupt was last thought of.
    signalled: u16,
    /// The available index that the device wrote itself.
    scribbled: Option<u16>,
}

impl Split {
    pub(in crate::model) fn new(setup: Setup) -> Self {
        Self { setup, taken: 0, used: 0, next_head: 0, signalled: 0, scribbled: None }
    }

    fn driver(&self) -> u64 {
        self.setup.addresses[1]
    }

    fn device(&self) -> u64 {
        self.setup.addresses[2]
    }

    /// The driver's index. The device's own when it does not know better.
    fn index(&self, bus: &Bus) -> u16 {
        let index = bus.load(self.driver() + INDEX).unwrap_or(self.taken);
        if self.scribbled == Some(index) { self.taken } else { index }
    }

    fn place(&self, index: u16) -> u64 {
        u64::from(index % self.setup.size)
    }

    fn chain(&self, bus: &Bus, head: u16) -> Chain {
        let mut chain = Chain { id: head, ..Chain::default() };
        if self.follow(bus, &mut chain).is_none() {
            chain.flaws.push(Flaw::Broken);
        }
        chain
    }

    /// Follows a chain through the table, and through the one that an indirect descriptor refers to.
    fn follow(&self, bus: &Bus, chain: &mut Chain) -> Option<()> {
        let (mut table, mut entries) = (self.setup.addresses[0], self.setup.size.into());
        let mut next = chain.id;
        let mut indirect = false;
        // No chain has more elements than the queue has entries (2.7.5.3.1).
        while chain.elements.len() < self.setup.size.into() {
            if u32::from(next) >= entries {
                return None;
            }
            let descriptor = Descriptor::split(bus, table.checked_add(DESCRIPTOR * u64::from(next))?)?;
            chain.slots += u16::from(!indirect);
            if descriptor.is_indirect() && indirect {
                chain.flaws.push(Flaw::Nested);
                return None;
            }
            if descriptor.is_indirect() {
                chain.note_indirect(descriptor);
                (table, entries) = (descriptor.address, descriptor.table_entries()?);
                (next, indirect) = (0, true);
                continue;
            }
            chain.elements.push(descriptor.element());
            if !descriptor.has_next() {
                return Some(());
            }
            let wraps = !indirect && u32::from(next) + 1 == entries;
            let following = if wraps { 0 } else { next.wrapping_add(1) };
            if self.setup.order == Order::Kept && descriptor.link != following {
                chain.flaws.push(Flaw::Unordered);
            }
            next = descriptor.link;
        }
        None
    }

    /// With its order kept the driver goes around the table, too (2.7.5).
    fn check_order(&mut self, chain: &mut Chain) {
        if self.setup.order == Order::Kept && chain.id != self.next_head {
            chain.flaws.push(Flaw::Unordered);
        }
        self.next_head = chain.id.wrapping_add(chain.slots) % self.setup.size;
    }
}

impl Ring for Split {
    fn size(&self) -> u16 {
        self.setup.size
    }

    fn parts(&self) -> [Part; 3] {
        let size = u64::from(self.setup.size);
        Part::at(self.setup.addresses, [(DESCRIPTOR * size, 16), (6 + 2 * size, 2), (6 + 8 * size, 4)])
    }

    fn is_fresh(&self, bus: &Bus) -> bool {
        bus.load(self.device() + INDEX) == Some(0)
    }

    fn taken(&self) -> u16 {
        self.taken
    }

    fn available(&self, bus: &Bus) -> u16 {
        self.index(bus).wrapping_sub(self.taken)
    }

    fn position(&self, bus: &Bus) -> u16 {
        self.index(bus)
    }

    fn take(&mut self, bus: &Bus) -> Result<Vec<Chain>, Overrun> {
        let index = self.index(bus);
        let available = index.wrapping_sub(self.taken);
        if available > self.setup.size {
            return Err(Overrun(index));
        }
        if available > 0 {
            self.scribbled = None;
        }
        let heads = (0..available).map(|offset| {
            let entry = self.driver() + ENTRIES + 2 * self.place(self.taken.wrapping_add(offset));
            bus.read_u16(entry).unwrap_or(u16::MAX)
        });
        let mut chains: Vec<Chain> = heads.map(|head| self.chain(bus, head)).collect();
        for chain in &mut chains {
            self.check_order(chain);
        }
        self.taken = index;
        Ok(chains)
    }

    fn suppress(&mut self, bus: &Bus) {
        if self.setup.events == Events::Flags {
            let _ = bus.store(self.device(), VRING_USED_F_NO_NOTIFY as u16);
        }
    }

    fn want(&mut self, bus: &Bus) -> bool {
        let _ = match self.setup.events {
            Events::Flags => bus.store(self.device(), 0),
            // The event index is behind the used entries.
            Events::Index => bus.store(self.device() + ENTRIES + 8 * u64::from(self.setup.size), self.taken),
        };
        // Orders the needs before the look at the driver's index (2.7.13.4.1).
        fence(Ordering::SeqCst);
        self.available(bus) > 0
    }

    fn push(&mut self, bus: &Bus, Used { id, written, buffers, .. }: Used) {
        let entry = self.device() + ENTRIES + 8 * self.place(self.used);
        let _ = bus.write_u32(entry, id);
        let _ = bus.write_u32(entry + 4, written);
        self.used = self.used.wrapping_add(buffers);
        let _ = bus.store(self.device() + INDEX, self.used);
    }

    fn jump(&mut self, bus: &Bus, by: i16) {
        let _ = bus.store(self.device() + INDEX, self.used.wrapping_add_signed(by));
    }

    fn wants_interrupt(&mut self, bus: &Bus) -> bool {
        // Orders the used index before the look at what the driver wants (2.7.14).
        fence(Ordering::SeqCst);
        let old = std::mem::replace(&mut self.signalled, self.used);
        match self.setup.events {
            Events::Flags => {
                let flags = bus.load(self.driver()).unwrap_or(0);
                u32::from(flags) & VRING_AVAIL_F_NO_INTERRUPT == 0
            }
            Events::Index => {
                // The event index is behind the available entries.
                let event = bus.load(self.driver() + ENTRIES + 2 * u64::from(self.setup.size)).unwrap_or(old);
                is_passed(event, old, self.used)
            }
        }
    }

    fn scribble(&mut self, bus: &Bus, what: Scribble) {
        let [descriptors, driver, device] = self.parts();
        match what {
            Scribble::Descriptors => descriptors.scribble(bus, 0),
            Scribble::AvailableRing => {
                driver.scribble(bus, 0);
                // The device keeps interrupting: only undefined flags are set.
                let _ = bus.store(driver.address, 0xfffe);
                self.scribbled = Some(u16::MAX);
            }
            Scribble::UsedRing => {
                device.scribble(bus, ENTRIES);
                let _ = bus.store(device.address, 0xfffe);
            }
            Scribble::Array => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{ByteOrder, GuestMemory};

    #[test]
    fn a_big_endian_guest_has_big_endian_rings() {
        let memory = GuestMemory::new(1 << 16).unwrap();
        let bus = Bus::new(memory.clone(), ByteOrder::Big, None);
        let mut ring =
            Split::new(Setup { size: 4, addresses: [0, 0x1000, 0x2000], events: Events::Flags, order: Order::Any });
        // Descriptor 2: 0x123456 bytes at 0x3000, device-writable.
        memory.write(32, &[0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0x12, 0x34, 0x56, 0, 2, 0, 0]).unwrap();
        memory.write(0x1000, &[0, 0, 0, 1, 0, 2]).unwrap();
        let chains = ring.take(&bus).unwrap();
        let expected = [super::super::Element { address: 0x3000, length: 0x12_3456, writable: true }];
        assert_eq!((chains[0].id, &chains[0].elements[..], chains.len()), (2, &expected[..], 1));
        ring.push(&bus, Used { id: 2, written: 0x123, slots: 1, buffers: 1 });
        let mut used = [0; 12];
        memory.read(0x2000, &mut used).unwrap();
        assert_eq!(used, [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 0x23]);
    }
}
