//! The packed queue, with a hand-made other side: one that keeps the rules, and one that writes what it likes.

mod common;

use std::collections::VecDeque;

use aerostat_spec::reserved::feature::{EventIdx, RingPacked};
use aerostat_spec::{Required, WithFeature};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, Interrupts, Notification, Token, Used};
use aerostat_transport::{Device, DeviceAddress, DeviceError, Live, Mmio, MmioNotifier, VirtQueue};
use common::{Memory, Plain, Soft, kite, reg};

type Packed = <Plain as WithFeature<RingPacked, Required>>::Out;
type Indexed = <Packed as WithFeature<EventIdx, Required>>::Out;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// A live kite with a packed line, and the device's side of it.
struct Kite<F, const K: usize> {
    soft: Soft,
    memory: Memory,
    device: Device<Mmio<Soft>, kite::Device, Live<F>>,
    line: VirtQueue<MmioNotifier<Soft>, K, Enabled>,
    /// Descriptors, driver events, device events.
    ring: [u64; 3],
    size: u16,
    /// Where the device looks for the next buffer and where it puts the next used one, each with its wrap counter.
    look: (u16, bool),
    put: (u16, bool),
}

/// A buffer that the device has taken: its id and its descriptors.
type Taken = (u16, u16);

fn fly<F: aerostat_spec::FeatureSet, const K: usize>(max: u32) -> Kite<F, K> {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    soft.model().offered |= 1 << 29 | 1 << 34;
    soft.model().queues[0].max = max;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let mut device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<F>().unwrap();
    let line = device.queue::<_, K>(kite::queue::Line, 1, &mut memory).unwrap();
    let device = device.go_live();
    let line = line.enable(&device);
    let queue = soft.model().queues[0];
    let size = queue.size as u16;
    Kite { soft, memory, device, line, ring: queue.addresses, size, look: (0, true), put: (0, true) }
}

impl<F: aerostat_spec::FeatureSet, const K: usize> Kite<F, K> {
    fn add(&mut self, elements: usize, writable: usize) -> Result<Token, AddError> {
        let element = |index| Element {
            address: DeviceAddress(0x40_0000 + 0x100 * index as u64),
            len: 16,
            access: if index + writable < elements { Access::DeviceReads } else { Access::DeviceWrites },
        };
        let buffer: Vec<Element> = (0..elements).map(element).collect();
        // SAFETY: the device of these tests touches no buffer, and neither does anybody else.
        unsafe { self.line.add(&buffer) }
    }

    fn slot(&self, slot: u16) -> u64 {
        self.ring[0] + 16 * u64::from(slot)
    }

    fn flags(&self, slot: u16) -> u16 {
        self.memory.read16(self.slot(slot) + 14)
    }

    fn step(&self, (slot, wrap): (u16, bool)) -> (u16, bool) {
        if slot + 1 == self.size { (0, !wrap) } else { (slot + 1, wrap) }
    }

    /// The device takes the next buffer that is available, and checks every descriptor of it.
    fn take(&mut self) -> Option<Taken> {
        let mut descriptors = 0;
        loop {
            let (slot, wrap) = self.look;
            let flags = self.flags(slot);
            if (flags & AVAIL != 0) != wrap || (flags & USED != 0) == wrap {
                assert_eq!(descriptors, 0, "a list is made available as a whole");
                return None;
            }
            self.look = self.step(self.look);
            descriptors += 1;
            if flags & NEXT == 0 {
                return Some((self.memory.read16(self.slot(slot) + 12), descriptors));
            }
        }
    }

    /// The device gives a buffer back.
    fn give(&mut self, (id, descriptors): Taken, length: u32) {
        self.write_used(id, length, WRITE);
        for _ in 0..descriptors {
            self.put = self.step(self.put);
        }
    }

    fn write_used(&mut self, id: u16, length: u32, flags: u16) {
        let (slot, wrap) = self.put;
        let at = self.slot(slot);
        self.memory.write32(at + 8, length);
        self.memory.write16(at + 12, id);
        self.memory.write16(at + 14, flags | if wrap { AVAIL | USED } else { 0 });
    }

    /// What the device wants to be told: position and flags.
    fn want(&self, position: u16, flags: u16) {
        self.memory.write16(self.ring[2], position);
        self.memory.write16(self.ring[2] + 2, flags);
    }

    fn land(self) {
        let Self { mut memory, device, line, .. } = self;
        let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
        line.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.lent(), 0);
    }
}

/// ring.packed.layout.1, ring.packed.layout.2, ring.packed.layout.3, ring.packed.layout.6, ring.packed.layout.9
#[test]
fn a_ring_of_any_size_is_aligned_and_zero() {
    for max in [1, 3, 7, 8] {
        let kite = fly::<Packed, 8>(max);
        assert_eq!(u32::from(kite.size), max, "not only powers of two");
        let [ring, driver, device] = kite.ring;
        assert_eq!((ring % 16, driver % 4, device % 4), (0, 0, 0));
        assert_eq!((driver, device), (ring + 16 * u64::from(max), driver + 4));
        assert!(kite.memory.bytes(ring, 16 * max as usize + 8).iter().all(|byte| *byte == 0));
        kite.land();
    }
}

/// ring.packed.wrap.1, ring.packed.wrap.2, ring.packed.wrap.3, ring.packed.chain.1, ring.packed.chain.2, ring.packed.chain.3,
/// ring.packed.chain.4, core.virtqueue.2
#[test]
fn buffers_of_all_lengths_come_back_in_any_order_over_many_turns_of_the_ring() {
    let mut kite = fly::<Packed, 8>(7);
    let mut held = VecDeque::new();
    let (mut added, mut returned) = (0_u32, 0_u32);
    for round in 0..5000_usize {
        let elements = 1 + round % 3;
        match kite.add(elements, round % (elements + 1)) {
            Ok(_) => added += 1,
            Err(error) => assert!(matches!(error, AddError::Full { .. })),
        }
        held.extend(kite.take());
        // Out of order: now the oldest, now the youngest.
        if held.len() > 1 || round % 4 == 0 {
            let taken = if round % 2 == 0 { held.pop_back() } else { held.pop_front() };
            if let Some(taken) = taken {
                kite.give(taken, 0);
                let used = kite.line.pop().unwrap().unwrap();
                assert_eq!(used.token.index(), usize::from(taken.0));
                returned += 1;
            }
        }
        assert_eq!(kite.line.pop(), Ok(None));
    }
    assert!(returned > 2000 && added - returned == kite.line.in_flight() as u32);
    kite.land();
}

/// ring.packed.wrap.4
#[test]
fn a_descriptor_of_the_last_turn_is_not_taken_for_a_used_one() {
    let mut kite = fly::<Packed, 2>(2);
    for _ in 0..3 {
        kite.add(2, 1).unwrap();
        let taken = kite.take().unwrap();
        assert_eq!(kite.line.pop(), Ok(None));
        kite.give(taken, 3);
        assert_eq!(kite.line.pop().map(|used| used.map(|used| used.written)), Ok(Some(3)));
        assert_eq!(kite.line.pop(), Ok(None), "the flags of the turn before are still there");
    }
    kite.land();
}

/// Against ring.packed.used.1, because of QEMU's devices, which never set the flag in used descriptors.
#[test]
fn a_used_length_counts_without_the_write_flag_too() {
    for flags in [0, WRITE] {
        let mut kite = fly::<Packed, 4>(4);
        let token = kite.add(1, 1).unwrap();
        kite.take().unwrap();
        kite.write_used(token.index() as u16, 9, flags);
        assert_eq!(kite.line.pop(), Ok(Some(Used { token, written: 9 })));
        kite.land();
    }
}

#[test]
fn lies_of_the_device_are_errors_and_give_nothing_back() {
    for (id, length) in [(1, 0), (3, 0), (4, 0), (0xffff, 0), (0, 17), (0, u32::MAX)] {
        let mut kite = fly::<Packed, 4>(4);
        assert_eq!(kite.add(1, 1).unwrap().index(), 0);
        kite.take().unwrap();
        kite.write_used(id, length, WRITE);
        let error = kite.line.pop().unwrap_err();
        match error {
            DeviceError::NotOutstanding { id: found, .. } => assert_eq!((found, length), (u32::from(id), 0)),
            DeviceError::LengthTooLong { length: found, capacity: 16, .. } => assert_eq!((id, found), (0, length)),
            error => panic!("{error}"),
        }
        assert_eq!((kite.line.pop(), kite.line.in_flight()), (Err(error), 1));
        assert_eq!(kite.add(1, 0), Err(AddError::Poisoned(error)));
        kite.land();
    }
}

/// A device that marks descriptors as used that nobody made available.
#[test]
fn a_used_descriptor_out_of_nothing_is_an_error() {
    let mut kite = fly::<Packed, 4>(4);
    kite.write_used(0, 0, 0);
    assert_eq!(kite.line.pop(), Err(DeviceError::NotOutstanding { queue: 0, id: 0 }));
    kite.land();
}

/// ring.packed.sg.2, ring.packed.sg.6
#[test]
fn a_list_that_does_not_fit_is_refused_before_anything_is_written() {
    let mut kite = fly::<Packed, 8>(4);
    assert!(matches!(kite.add(5, 0), Err(AddError::TooManyElements { needed: 5, capacity: 4, .. })));
    kite.add(3, 0).unwrap();
    let before = kite.memory.bytes(kite.ring[0], 64);
    assert!(matches!(kite.add(2, 0), Err(AddError::Full { needed: 2, free: 1, .. })));
    assert_eq!(kite.memory.bytes(kite.ring[0], 64), before);
    kite.land();
}

/// ring.packed.event.1, ring.packed.event.2, ring.packed.event.3, ring.packed.event.4, ring.packed.layout.8
#[test]
fn without_an_event_index_notifications_are_on_or_off() {
    let mut kite = fly::<Packed, 8>(8);
    for (flags, notified) in [(0, Notification::Sent), (1, Notification::Suppressed), (0, Notification::Sent)] {
        kite.want(0, flags);
        kite.add(1, 0).unwrap();
        assert_eq!(kite.line.notify(), notified);
    }
    // Reserved, and not to be used without the feature: better once too often than never.
    for flags in [2, 3] {
        kite.want(0x7fff, flags);
        kite.add(1, 0).unwrap();
        assert_eq!(kite.line.notify(), Notification::Sent);
    }
    for (interrupts, flags) in [(Interrupts::Disabled, 1), (Interrupts::Enabled, 0)] {
        kite.line.set_interrupts(interrupts);
        assert_eq!(kite.memory.read16(kite.ring[1] + 2), flags);
    }
    assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY).len(), 4);
    kite.land();
}

/// ring.packed.event.5
#[test]
fn with_an_event_index_the_device_is_told_at_the_descriptor_that_it_names_and_nowhere_else() {
    let mut kite = fly::<Indexed, 8>(5);
    let (mut place, mut told) = ((0_u16, true), 0_usize);
    for round in 0..200_u16 {
        // The device names the place `ahead` descriptors from here.
        let ahead = round % 4;
        let mut event = place;
        for _ in 0..ahead {
            event = kite.step(event);
        }
        kite.want(event.0 | u16::from(event.1) << 15, 2);
        for step in 0..=ahead {
            kite.add(1, 0).unwrap();
            place = kite.step(place);
            let expected = if step == ahead { Notification::Sent } else { Notification::Suppressed };
            assert_eq!(kite.line.notify(), expected, "round {round}, step {step} of {ahead}");
            let taken = kite.take().unwrap();
            kite.give(taken, 0);
            assert!(kite.line.pop().unwrap().is_some());
        }
        told += 1;
        assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY).len(), told);
    }
    kite.land();
}

/// ring.packed.event.5
#[test]
fn with_an_event_index_one_notification_serves_a_batch_in_which_the_event_lies() {
    for (event, expected) in [(0, Notification::Sent), (2, Notification::Sent), (3, Notification::Suppressed)] {
        let mut kite = fly::<Indexed, 8>(8);
        kite.want(event | 1 << 15, 2);
        for _ in 0..3 {
            kite.add(1, 0).unwrap();
        }
        assert_eq!(kite.line.notify(), expected, "event {event}");
        kite.land();
    }
}

/// ring.packed.receive.2
#[test]
fn with_an_event_index_the_driver_asks_for_the_next_used_descriptor_whenever_it_has_taken_all() {
    let mut kite = fly::<Indexed, 8>(5);
    kite.line.set_interrupts(Interrupts::Enabled);
    for _ in 0..12 {
        kite.add(2, 0).unwrap();
        let taken = kite.take().unwrap();
        kite.give(taken, 0);
        assert!(kite.line.pop().unwrap().is_some());
        assert_eq!(kite.line.pop(), Ok(None));
        let (slot, wrap) = kite.put;
        assert_eq!(kite.memory.read16(kite.ring[1]), slot | u16::from(wrap) << 15);
        assert_eq!(kite.memory.read16(kite.ring[1] + 2), 2);
    }
    kite.line.set_interrupts(Interrupts::Disabled);
    assert_eq!(kite.memory.read16(kite.ring[1] + 2), 1);
    kite.land();
}
