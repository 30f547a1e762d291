//! The packed queue against a hand-written device side, conforming and not.

use std::collections::VecDeque;

use aerostat_spec::reserved::feature::{EventIdx, RingPacked};
use aerostat_test_support::{Memory, SoftMmio, reg, test_device};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, Interrupts, Notification, Token, Used};
use aerostat_transport::{Device, DeviceAddress, DeviceError, Live, Mmio, MmioNotifier, VirtQueue};

aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }
aerostat_spec::feature_set! { struct Indexed for test_device { RingPacked: Required, EventIdx: Required } }

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// A live device with a packed queue 0, and the device side of the queue.
struct Fixture<F: aerostat_spec::FeatureSet, const K: usize> {
    soft: SoftMmio,
    memory: Memory,
    device: Device<Mmio<SoftMmio>, test_device::Device, Live<F>>,
    queue0: VirtQueue<MmioNotifier<SoftMmio>, K, Enabled>,
    /// Descriptors, driver events, device events.
    ring: [u64; 3],
    size: u16,
    /// The positions of the next available and of the next used descriptor, each with its wrap counter.
    available: (u16, bool),
    put: (u16, bool),
}

/// A buffer that the device has taken: its id and its descriptors.
type Taken = (u16, u16);

fn live<F: aerostat_spec::FeatureSet, const K: usize>(max: u32) -> Fixture<F, K> {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered |= 1 << 29 | 1 << 34;
    soft.model().queues[0].max = max;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let mut device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<F>().unwrap();
    let queue0 = device.queue::<_, K>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    let queue = soft.model().queues[0];
    let size = queue.size as u16;
    Fixture { soft, memory, device, queue0, ring: queue.addresses, size, available: (0, true), put: (0, true) }
}

impl<F: aerostat_spec::FeatureSet, const K: usize> Fixture<F, K> {
    fn add(&mut self, elements: usize, writable: usize) -> Result<Token, AddError> {
        let element = |index| Element {
            address: DeviceAddress(0x40_0000 + 0x100 * index as u64),
            len: 16,
            access: if index + writable < elements { Access::DeviceReads } else { Access::DeviceWrites },
        };
        let buffer: Vec<Element> = (0..elements).map(element).collect();
        // SAFETY: the device of these tests does not access buffers, and nothing else does.
        unsafe { self.queue0.add(&buffer) }
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

    /// Takes the next available buffer, as the device does, and checks each of its descriptors.
    fn take(&mut self) -> Option<Taken> {
        let mut descriptors = 0;
        loop {
            let (slot, wrap) = self.available;
            let flags = self.flags(slot);
            if (flags & AVAIL != 0) != wrap || (flags & USED != 0) == wrap {
                assert_eq!(descriptors, 0, "a buffer is made available completely or not at all");
                return None;
            }
            self.available = self.step(self.available);
            descriptors += 1;
            if flags & NEXT == 0 {
                return Some((self.memory.read16(self.slot(slot) + 12), descriptors));
            }
        }
    }

    /// Returns a buffer, as the device does.
    fn complete(&mut self, (id, descriptors): Taken, length: u32) {
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

    /// Writes the device event structure: position and flags.
    fn want(&self, position: u16, flags: u16) {
        self.memory.write16(self.ring[2], position);
        self.memory.write16(self.ring[2] + 2, flags);
    }

    fn finish(self) {
        let Self { mut memory, device, queue0, .. } = self;
        let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
        queue0.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
}

// conformance: ring.packed.layout.1, ring.packed.layout.2, ring.packed.layout.3, ring.packed.layout.5
// conformance: ring.packed.layout.6, ring.packed.layout.9
#[test]
fn a_ring_of_any_size_is_aligned_and_zero() {
    for max in [1, 3, 7, 8] {
        let fixture = live::<Packed, 8>(max);
        assert_eq!(u32::from(fixture.size), max, "not only powers of two");
        let [ring, driver, device] = fixture.ring;
        assert_eq!((ring % 16, driver % 4, device % 4), (0, 0, 0));
        assert_eq!((driver, device), (ring + 16 * u64::from(max), driver + 4));
        assert!(fixture.memory.bytes(ring, 16 * max as usize + 8).iter().all(|byte| *byte == 0));
        fixture.finish();
    }
}

// conformance: core.virtqueue.1, core.virtqueue.2, ring.packed.wrap.1, ring.packed.wrap.2, ring.packed.wrap.3
// conformance: ring.packed.chain.1, ring.packed.chain.2, ring.packed.chain.3, ring.packed.chain.4
#[test]
fn buffers_of_all_lengths_are_used_in_any_order_over_many_wraps() {
    let mut fixture = live::<Packed, 8>(7);
    let mut held = VecDeque::new();
    let (mut added, mut returned) = (0_u32, 0_u32);
    for round in 0..5000_usize {
        let elements = 1 + round % 3;
        match fixture.add(elements, round % (elements + 1)) {
            Ok(_) => added += 1,
            Err(error) => assert!(matches!(error, AddError::Full { .. })),
        }
        held.extend(fixture.take());
        // Out of order: now the oldest, now the youngest.
        if held.len() > 1 || round % 4 == 0 {
            let taken = if round % 2 == 0 { held.pop_back() } else { held.pop_front() };
            if let Some(taken) = taken {
                fixture.complete(taken, 0);
                let used = fixture.queue0.pop().unwrap().unwrap();
                assert_eq!(used.token.index(), usize::from(taken.0));
                returned += 1;
            }
        }
        assert_eq!(fixture.queue0.pop(), Ok(None));
    }
    assert!(returned > 2000 && added - returned == fixture.queue0.in_flight() as u32);
    fixture.finish();
}

// conformance: ring.packed.wrap.4
#[test]
fn a_descriptor_with_the_old_wrap_counter_is_not_used() {
    let mut fixture = live::<Packed, 2>(2);
    for _ in 0..3 {
        fixture.add(2, 1).unwrap();
        let taken = fixture.take().unwrap();
        assert_eq!(fixture.queue0.pop(), Ok(None));
        fixture.complete(taken, 3);
        assert_eq!(fixture.queue0.pop().map(|used| used.map(|used| used.written)), Ok(Some(3)));
        assert_eq!(fixture.queue0.pop(), Ok(None), "the flags of the previous wrap remain");
    }
    fixture.finish();
}

// conformance: deviation ring.packed.used.1: QEMU's devices never set the flag, so the driver ignores it and checks
// the length against the buffer
#[test]
fn a_used_length_counts_without_the_write_flag_too() {
    for flags in [0, WRITE] {
        let mut fixture = live::<Packed, 4>(4);
        let token = fixture.add(1, 1).unwrap();
        fixture.take().unwrap();
        fixture.write_used(token.index() as u16, 9, flags);
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token, written: 9 })));
        fixture.finish();
    }
}

#[test]
fn invalid_used_entries_are_errors_and_return_nothing() {
    for (id, length) in [(1, 0), (3, 0), (4, 0), (0xffff, 0), (0, 17), (0, u32::MAX)] {
        let mut fixture = live::<Packed, 4>(4);
        assert_eq!(fixture.add(1, 1).unwrap().index(), 0);
        fixture.take().unwrap();
        fixture.write_used(id, length, WRITE);
        let error = fixture.queue0.pop().unwrap_err();
        match error {
            DeviceError::NotOutstanding { id: found, .. } => assert_eq!((found, length), (u32::from(id), 0)),
            DeviceError::LengthTooLong { length: found, capacity: 16, .. } => assert_eq!((id, found), (0, length)),
            error => panic!("{error}"),
        }
        assert_eq!((fixture.queue0.pop(), fixture.queue0.in_flight()), (Err(error), 1));
        assert_eq!(fixture.add(1, 0), Err(AddError::Poisoned(error)));
        fixture.finish();
    }
}

/// A device that marks descriptors as used that are not available.
#[test]
fn a_used_descriptor_without_a_buffer_is_an_error() {
    let mut fixture = live::<Packed, 4>(4);
    fixture.write_used(0, 0, 0);
    assert_eq!(fixture.queue0.pop(), Err(DeviceError::NotOutstanding { queue: 0, id: 0 }));
    fixture.finish();
}

// conformance: core.cleanup.1, ring.packed.desc.1, ring.packed.sg.1, ring.packed.sg.2, ring.packed.sg.5
// conformance: ring.packed.sg.6
#[test]
fn a_buffer_that_does_not_fit_is_rejected_before_anything_is_written() {
    let mut fixture = live::<Packed, 8>(4);
    assert!(matches!(fixture.add(5, 0), Err(AddError::TooManyElements { needed: 5, capacity: 4, .. })));
    fixture.add(3, 0).unwrap();
    let before = fixture.memory.bytes(fixture.ring[0], 64);
    assert!(matches!(fixture.add(2, 0), Err(AddError::Full { needed: 2, free: 1, .. })));
    assert_eq!(fixture.memory.bytes(fixture.ring[0], 64), before);
    fixture.finish();
}

// conformance: ring.packed.event.1, ring.packed.event.2, ring.packed.event.3, ring.packed.event.4
// conformance: ring.packed.layout.8, ring.packed.receive.1
#[test]
fn without_an_event_index_notifications_are_on_or_off() {
    let mut fixture = live::<Packed, 8>(8);
    for (flags, notified) in [(0, Notification::Sent), (1, Notification::Suppressed), (0, Notification::Sent)] {
        fixture.want(0, flags);
        fixture.add(1, 0).unwrap();
        assert_eq!(fixture.queue0.notify(), notified);
    }
    // Reserved, and invalid without the feature: a needless notification is safer than a missing one.
    for flags in [2, 3] {
        fixture.want(0x7fff, flags);
        fixture.add(1, 0).unwrap();
        assert_eq!(fixture.queue0.notify(), Notification::Sent);
    }
    for (interrupts, flags) in [(Interrupts::Disabled, 1), (Interrupts::Enabled, 0)] {
        fixture.queue0.set_interrupts(interrupts);
        assert_eq!(fixture.memory.read16(fixture.ring[1] + 2), flags);
    }
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).len(), 4);
    fixture.finish();
}

// conformance: ring.packed.event.5
#[test]
fn with_an_event_index_the_device_is_notified_only_at_its_event() {
    let mut fixture = live::<Indexed, 8>(5);
    let (mut place, mut notified) = ((0_u16, true), 0_usize);
    for round in 0..200_u16 {
        // The device names the place `ahead` descriptors from here.
        let ahead = round % 4;
        let mut event = place;
        for _ in 0..ahead {
            event = fixture.step(event);
        }
        fixture.want(event.0 | u16::from(event.1) << 15, 2);
        for step in 0..=ahead {
            fixture.add(1, 0).unwrap();
            place = fixture.step(place);
            let expected = if step == ahead { Notification::Sent } else { Notification::Suppressed };
            assert_eq!(fixture.queue0.notify(), expected, "round {round}, step {step} of {ahead}");
            let taken = fixture.take().unwrap();
            fixture.complete(taken, 0);
            assert!(fixture.queue0.pop().unwrap().is_some());
        }
        notified += 1;
        assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).len(), notified);
    }
    fixture.finish();
}

// conformance: ring.packed.event.5
#[test]
fn with_an_event_index_a_batch_that_contains_the_event_is_notified_once() {
    for (event, expected) in [(0, Notification::Sent), (2, Notification::Sent), (3, Notification::Suppressed)] {
        let mut fixture = live::<Indexed, 8>(8);
        fixture.want(event | 1 << 15, 2);
        for _ in 0..3 {
            fixture.add(1, 0).unwrap();
        }
        assert_eq!(fixture.queue0.notify(), expected, "event {event}");
        fixture.finish();
    }
}

// conformance: ring.packed.event.2, ring.packed.layout.8
#[test]
fn with_an_event_index_an_idle_driver_asks_for_the_next_used_descriptor() {
    let mut fixture = live::<Indexed, 8>(5);
    fixture.queue0.set_interrupts(Interrupts::Enabled);
    for _ in 0..12 {
        fixture.add(2, 0).unwrap();
        let taken = fixture.take().unwrap();
        fixture.complete(taken, 0);
        assert!(fixture.queue0.pop().unwrap().is_some());
        assert_eq!(fixture.queue0.pop(), Ok(None));
        let (slot, wrap) = fixture.put;
        assert_eq!(fixture.memory.read16(fixture.ring[1]), slot | u16::from(wrap) << 15);
        assert_eq!(fixture.memory.read16(fixture.ring[1] + 2), 2);
    }
    fixture.queue0.set_interrupts(Interrupts::Disabled);
    assert_eq!(fixture.memory.read16(fixture.ring[1] + 2), 1);
    fixture.finish();
}
