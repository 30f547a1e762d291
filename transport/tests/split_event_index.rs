//! EVENT_IDX of a split ring: both sides ask for notifications by an index, and the flags mean nothing.

use aerostat_spec::reserved::feature::EventIdx;
use aerostat_test_support::{Memory, SoftMmio, reg, test_device};
use aerostat_transport::queue::{Access, Element, Enabled, Interrupts, Notification};
use aerostat_transport::{Device, DeviceAddress, Live, Mmio, MmioNotifier, VirtQueue};

aerostat_spec::feature_set! { struct Indexed for test_device { EventIdx: Required } }

/// Descriptors of the queue.
const SIZE: usize = 4;

/// A live device with a split queue 0, and the device side of the queue.
struct Fixture {
    soft: SoftMmio,
    memory: Memory,
    _device: Device<Mmio<SoftMmio>, test_device::Device, Live<Indexed>>,
    queue0: VirtQueue<MmioNotifier<SoftMmio>, SIZE, Enabled>,
    /// Descriptors, available ring, used ring.
    ring: [u64; 3],
    /// The index of the next buffer.
    next: u16,
}

fn live() -> Fixture {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered |= 1 << 29;
    soft.model().queues[0].max = SIZE as u32;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    let mut device: Device<_, test_device::Device, _> = device.negotiate::<Indexed>().unwrap();
    let queue0 = device.queue::<_, SIZE>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    let ring = soft.model().queues[0].addresses;
    Fixture { soft, memory, _device: device, queue0, ring, next: 0 }
}

impl Fixture {
    fn add(&mut self) {
        let element = Element { address: DeviceAddress(0x40_0000), len: 16, access: Access::DeviceReads };
        // SAFETY: the device of these tests does not access buffers, and nothing else does.
        unsafe { self.queue0.add(&[element]) }.unwrap();
        self.next = self.next.wrapping_add(1);
    }

    /// Returns the last buffer, as the device does, and takes it off the queue.
    fn complete(&mut self) {
        let slot = u64::from(self.next.wrapping_sub(1)) % SIZE as u64;
        let head = self.memory.read16(self.ring[1] + 4 + 2 * slot);
        self.memory.write32(self.ring[2] + 4 + 8 * slot, head.into());
        self.memory.write32(self.ring[2] + 8 + 8 * slot, 0);
        self.memory.write16(self.ring[2] + 2, self.next);
        assert!(self.queue0.pop().unwrap().is_some());
    }

    /// Asks for a notification of the buffer at this index, as the device does.
    fn want(&self, index: u16) {
        self.memory.write16(self.ring[2] + 4 + 8 * SIZE as u64, index);
    }

    /// The index of the used entry at which the driver wants an interrupt.
    fn used_event(&self) -> u16 {
        self.memory.read16(self.ring[1] + 4 + 2 * SIZE as u64)
    }

    /// The flags that the driver writes.
    fn flags(&self) -> u16 {
        self.memory.read16(self.ring[1])
    }
}

/// Over a turn of the index. The flags of the used ring say the opposite, or something else.
// conformance: ring.split.avail-notif.5, ring.split.avail-notif.6, ring.split.avail-notif.7
#[test]
fn the_device_is_notified_only_of_the_buffer_at_its_event() {
    let mut fixture = live();
    let (mut sent, mut rounds) = (0, 0);
    while rounds < 17_000_u16 {
        // The event is the buffer `ahead` buffers from the next one.
        let ahead = rounds % 5;
        let event = fixture.next.wrapping_add(ahead);
        fixture.want(event);
        for step in 0..=ahead {
            let is_event = step == ahead;
            let flags = [u16::from(is_event), 0xffff, 0][usize::from(rounds % 3)];
            fixture.memory.write16(fixture.ring[2], flags);
            fixture.add();
            let expected = if is_event { Notification::Sent } else { Notification::Suppressed };
            assert_eq!(fixture.queue0.notify(), expected, "buffer {step} of {ahead}, event {event:#x}");
            fixture.complete();
        }
        // Behind the event nothing is sent.
        fixture.add();
        assert_eq!(fixture.queue0.notify(), Notification::Suppressed);
        fixture.complete();
        (sent, rounds) = (sent + 1, rounds + 1);
    }
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).len(), sent);
}

// conformance: ring.split.avail-notif.6
#[test]
fn a_batch_that_contains_the_event_is_notified_once() {
    for (event, expected) in [
        (0, Notification::Sent),
        (1, Notification::Sent),
        (2, Notification::Sent),
        (3, Notification::Suppressed),
        (u16::MAX, Notification::Suppressed),
    ] {
        let mut fixture = live();
        fixture.want(event);
        (0..3).for_each(|_| fixture.add());
        assert_eq!((fixture.queue0.notify(), fixture.queue0.notify()), (expected, Notification::Suppressed), "{event}");
    }
}

/// While interrupts are enabled, a queue without used buffers asks for the next one.
// conformance: ring.split.used-notif.3, ring.split.used-notif.4
#[test]
fn interrupts_are_requested_by_the_index_and_the_flags_stay_0() {
    let mut fixture = live();
    assert_eq!((fixture.flags(), fixture.used_event()), (0, 0));
    for _ in 0..1000 {
        fixture.add();
        fixture.complete();
        assert_eq!(fixture.queue0.pop(), Ok(None));
        assert_eq!((fixture.flags(), fixture.used_event()), (0, fixture.next));
    }
    fixture.queue0.set_interrupts(Interrupts::Disabled);
    // The device reaches this index after 65535 more buffers.
    assert_eq!((fixture.flags(), fixture.used_event()), (0, fixture.next.wrapping_sub(1)));
    fixture.add();
    fixture.complete();
    assert_eq!(fixture.queue0.pop(), Ok(None));
    assert_eq!((fixture.flags(), fixture.used_event()), (0, fixture.next.wrapping_sub(2)), "not moved");
    fixture.queue0.set_interrupts(Interrupts::Enabled);
    assert_eq!((fixture.flags(), fixture.used_event()), (0, fixture.next));
}
