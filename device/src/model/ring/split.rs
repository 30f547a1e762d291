//! The split format: a descriptor table, the available ring of the driver and the used ring of the device (2.7).

use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::{VRING_AVAIL_F_NO_INTERRUPT, VRING_USED_F_NO_NOTIFY};

use super::chain::{Chain, DESCRIPTOR_BYTES, Defect, Descriptor};
use super::layout::{Completion, EventMode, Order, Overrun, Ring, RingArea, RingSetup, is_passed};
use crate::fault::Scribble;
use crate::memory::Bus;

/// Offset in bytes of the index and of the entries in both rings; the flags are at offset 0.
const INDEX: u64 = 2;
const ENTRIES: u64 = 4;
/// Size in bytes of an entry of each ring.
const AVAILABLE_ENTRY: u64 = 2;
const USED_ENTRY: u64 = 8;

/// A split ring.
#[derive(Debug)]
pub(crate) struct Split {
    setup: RingSetup,
    /// The available index up to which the device has taken buffers.
    taken: u16,
    /// The used index.
    used: u16,
    /// The expected head of the next chain with IN_ORDER.
    next_head: u16,
    /// The used index at the last decision about an interrupt.
    signalled: u16,
    /// The available index that the device itself has overwritten.
    scribbled: Option<u16>,
}

impl Split {
    pub(crate) fn new(setup: RingSetup) -> Self {
        Self { setup, taken: 0, used: 0, next_head: 0, signalled: 0, scribbled: None }
    }

    fn driver_area(&self) -> u64 {
        self.setup.addresses[1]
    }

    fn device_area(&self) -> u64 {
        self.setup.addresses[2]
    }

    /// Returns the address of the available entry at `index`; the event index follows the last one.
    fn available_entry(&self, index: u16) -> u64 {
        self.driver_area() + ENTRIES + AVAILABLE_ENTRY * u64::from(index)
    }

    /// Returns the address of the used entry at `index`; the event index follows the last one.
    fn used_entry(&self, index: u16) -> u64 {
        self.device_area() + ENTRIES + USED_ENTRY * u64::from(index)
    }

    /// Returns the available index, or that of the device if the device has overwritten it.
    fn available_index(&self, bus: &Bus) -> u16 {
        let index = bus.load(self.driver_area() + INDEX).unwrap_or(self.taken);
        if self.scribbled == Some(index) { self.taken } else { index }
    }

    fn chain(&self, bus: &Bus, head: u16) -> Chain {
        let mut chain = Chain { id: head, ..Chain::default() };
        if self.follow_chain(bus, &mut chain).is_none() {
            chain.defects.push(Defect::Broken);
        }
        chain
    }

    /// Follows a chain through the table, and through the table of an indirect descriptor.
    fn follow_chain(&self, bus: &Bus, chain: &mut Chain) -> Option<()> {
        let (mut table, mut entries) = (self.setup.addresses[0], self.setup.size.into());
        let mut next = chain.id;
        let mut indirect = false;
        // A chain has at most as many elements as the queue has entries (2.7.5.3.1).
        while chain.elements.len() < self.setup.size.into() {
            if u32::from(next) >= entries {
                return None;
            }
            let descriptor = Descriptor::read_split(bus, table.checked_add(DESCRIPTOR_BYTES * u64::from(next))?)?;
            chain.descriptors += u16::from(!indirect);
            if descriptor.is_indirect() && indirect {
                chain.defects.push(Defect::Nested);
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
            if self.setup.order == Order::InOrder && descriptor.link != following {
                chain.defects.push(Defect::OutOfOrder);
            }
            next = descriptor.link;
        }
        None
    }

    /// With IN_ORDER the heads are in ring order too (2.7.5).
    fn check_order(&mut self, chain: &mut Chain) {
        if self.setup.order == Order::InOrder && chain.id != self.next_head {
            chain.defects.push(Defect::OutOfOrder);
        }
        self.next_head = chain.id.wrapping_add(chain.descriptors) % self.setup.size;
    }
}

impl Ring for Split {
    fn size(&self) -> u16 {
        self.setup.size
    }

    fn areas(&self) -> [RingArea; 3] {
        let size = u64::from(self.setup.size);
        RingArea::at(self.setup.addresses, [(DESCRIPTOR_BYTES * size, 16), (6 + 2 * size, 2), (6 + 8 * size, 4)])
    }

    fn is_zeroed(&self, bus: &Bus) -> bool {
        bus.load(self.device_area() + INDEX) == Some(0)
    }

    fn taken(&self) -> u16 {
        self.taken
    }

    fn available(&self, bus: &Bus) -> u16 {
        self.available_index(bus).wrapping_sub(self.taken)
    }

    fn next_available_position(&self, bus: &Bus) -> u16 {
        self.available_index(bus)
    }

    fn take_available(&mut self, bus: &Bus) -> Result<Vec<Chain>, Overrun> {
        let index = self.available_index(bus);
        let available = index.wrapping_sub(self.taken);
        if available > self.setup.size {
            return Err(Overrun(index));
        }
        if available > 0 {
            self.scribbled = None;
        }
        let heads = (0..available).map(|offset| {
            let entry = self.available_entry(self.taken.wrapping_add(offset) % self.setup.size);
            bus.read_u16(entry).unwrap_or(u16::MAX)
        });
        let mut chains: Vec<Chain> = heads.map(|head| self.chain(bus, head)).collect();
        for chain in &mut chains {
            self.check_order(chain);
        }
        self.taken = index;
        Ok(chains)
    }

    fn disable_notifications(&mut self, bus: &Bus) {
        if self.setup.events == EventMode::Flags {
            let _ = bus.store(self.device_area(), VRING_USED_F_NO_NOTIFY as u16);
        }
    }

    fn enable_notifications(&mut self, bus: &Bus) -> bool {
        let _ = match self.setup.events {
            EventMode::Flags => bus.store(self.device_area(), 0),
            EventMode::Index => bus.store(self.used_entry(self.setup.size), self.taken),
        };
        // Orders the write above before the read of the available index (2.7.13.4.1).
        fence(Ordering::SeqCst);
        self.available(bus) > 0
    }

    fn push_used(&mut self, bus: &Bus, Completion { id, written, buffers, .. }: Completion) {
        let entry = self.used_entry(self.used % self.setup.size);
        let _ = bus.write_u32(entry, id);
        let _ = bus.write_u32(entry + 4, written);
        self.used = self.used.wrapping_add(buffers);
        let _ = bus.store(self.device_area() + INDEX, self.used);
    }

    fn shift_used_index(&mut self, bus: &Bus, by: i16) {
        let _ = bus.store(self.device_area() + INDEX, self.used.wrapping_add_signed(by));
    }

    fn needs_interrupt(&mut self, bus: &Bus) -> bool {
        // Orders the write of the used index before the reads below (2.7.14).
        fence(Ordering::SeqCst);
        let old = std::mem::replace(&mut self.signalled, self.used);
        match self.setup.events {
            EventMode::Flags => {
                let flags = bus.load(self.driver_area()).unwrap_or(0);
                u32::from(flags) & VRING_AVAIL_F_NO_INTERRUPT == 0
            }
            EventMode::Index => {
                let event = bus.load(self.available_entry(self.setup.size)).unwrap_or(old);
                is_passed(event, old, self.used)
            }
        }
    }

    fn scribble(&mut self, bus: &Bus, what: Scribble) {
        let [descriptors, driver, device] = self.areas();
        match what {
            Scribble::Descriptors => descriptors.scribble(bus, 0),
            Scribble::AvailableRing => {
                driver.scribble(bus, 0);
                // Sets only undefined flags, so interrupts stay enabled.
                let _ = bus.store(driver.address, 0xfffe);
                self.scribbled = Some(u16::MAX);
            }
            Scribble::UsedRing => {
                device.scribble(bus, ENTRIES);
                let _ = bus.store(device.address, 0xfffe);
            }
            Scribble::Buffer => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::Element;
    use super::*;
    use crate::memory::{ByteOrder, GuestMemory};

    #[test]
    fn rings_of_a_big_endian_guest_are_big_endian() {
        let memory = GuestMemory::new(1 << 16).unwrap();
        let bus = Bus::new(memory.clone(), ByteOrder::Big, None);
        let addresses = [0, 0x1000, 0x2000];
        let mut ring = Split::new(RingSetup { size: 4, addresses, events: EventMode::Flags, order: Order::Any });
        // Descriptor 2: 0x123456 bytes at 0x3000, device-writable.
        memory.write(32, &[0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0x12, 0x34, 0x56, 0, 2, 0, 0]).unwrap();
        memory.write(0x1000, &[0, 0, 0, 1, 0, 2]).unwrap();
        let chains = ring.take_available(&bus).unwrap();
        let expected = [Element { address: 0x3000, length: 0x12_3456, writable: true }];
        assert_eq!((chains[0].id, &chains[0].elements[..], chains.len()), (2, &expected[..], 1));
        ring.push_used(&bus, Completion { id: 2, written: 0x123, has_write_flag: true, descriptors: 1, buffers: 1 });
        let mut used = [0; 12];
        memory.read(0x2000, &mut used).unwrap();
        assert_eq!(used, [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 0x23]);
    }
}
