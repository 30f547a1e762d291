//! What a driver writes to a packed ring, and what it ignores in it.

use aerostat_spec::reserved::feature::RingPacked;
use aerostat_test_support::{Memory, SoftMmio, test_device};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, Interrupts, Token, Used};
use aerostat_transport::{Device, DeviceAddress, Live, Mmio, MmioNotifier, VirtQueue};

aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// A live device with a packed queue 0 of 4 descriptors.
struct Fixture {
    memory: Memory,
    _device: Device<Mmio<SoftMmio>, test_device::Device, Live<Packed>>,
    queue0: VirtQueue<MmioNotifier<SoftMmio>, 4, Enabled>,
    /// Descriptors, driver events, device events.
    ring: [u64; 3],
}

fn live() -> Fixture {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered |= 1 << 34;
    soft.model().queues[0].max = 4;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    let mut device: Device<_, test_device::Device, _> = device.negotiate::<Packed>().unwrap();
    let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    let ring = soft.model().queues[0].addresses;
    Fixture { memory, _device: device, queue0, ring }
}

impl Fixture {
    fn add(&mut self, elements: &[Access]) -> Result<Token, AddError> {
        let element = |access| Element { address: DeviceAddress(0x40_0000), len: 16, access };
        let elements: Vec<Element> = elements.iter().copied().map(element).collect();
        // SAFETY: the device of these tests does not access buffers, and nothing else does.
        unsafe { self.queue0.add(&elements) }
    }

    fn flags(&self, slot: u64) -> u16 {
        self.memory.read16(self.ring[0] + 16 * slot + 14)
    }

    /// Writes a used descriptor, as the device does.
    fn write_used(&self, slot: u64, token: Token, length: u32, flags: u16) {
        let at = self.ring[0] + 16 * slot;
        self.memory.write32(at + 8, length);
        self.memory.write16(at + 12, token.index() as u16);
        self.memory.write16(at + 14, flags);
    }
}

// conformance: ring.packed.wrap.3, ring.packed.chain.1, ring.packed.chain.3, ring.packed.sg.3, ring.packed.sg.4
#[test]
fn each_descriptor_of_a_list_has_its_flags() {
    let mut fixture = live();
    let rejected = fixture.add(&[Access::DeviceWrites, Access::DeviceReads]);
    assert_eq!(rejected, Err(AddError::Order { queue: 0 }));
    assert_eq!([0, 1].map(|slot| fixture.flags(slot)), [0, 0], "nothing is written");

    let token = fixture.add(&[Access::DeviceReads, Access::DeviceWrites, Access::DeviceWrites]).unwrap();
    let flags = [0, 1, 2, 3].map(|slot| fixture.flags(slot));
    assert_eq!(flags, [NEXT | AVAIL, NEXT | WRITE | AVAIL, WRITE | AVAIL, 0]);
    fixture.write_used(0, token, 32, WRITE | AVAIL | USED);
    assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token, written: 32 })));

    // The second descriptor is in the next turn of the ring.
    fixture.add(&[Access::DeviceReads, Access::DeviceWrites]).unwrap();
    assert_eq!([3, 0].map(|slot| fixture.flags(slot)), [NEXT | AVAIL, WRITE | USED]);
}

// conformance: ring.packed.used.2
#[test]
fn the_flag_for_a_next_descriptor_means_nothing_in_a_used_one() {
    for flags in [WRITE, NEXT | WRITE] {
        let mut fixture = live();
        let first = fixture.add(&[Access::DeviceReads, Access::DeviceWrites]).unwrap();
        let second = fixture.add(&[Access::DeviceWrites]).unwrap();
        fixture.write_used(0, first, 7, flags | AVAIL | USED);
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: first, written: 7 })));
        assert_eq!(fixture.queue0.pop(), Ok(None));
        fixture.write_used(2, second, 8, flags | AVAIL | USED);
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: second, written: 8 })));
        assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (4, 0));
    }
}

// conformance: ring.packed.layout.7
#[test]
fn the_driver_never_writes_to_the_event_structure_of_the_device() {
    let mut fixture = live();
    // Notifications are enabled: the flags are 0, apart from reserved bits.
    let written = [0x12, 0x34, 0xfc, 0xff];
    fixture.memory.write(fixture.ring[2], &written);
    for slot in 0..4 {
        let token = fixture.add(&[Access::DeviceReads]).unwrap();
        let _ = fixture.queue0.notify();
        fixture.queue0.set_interrupts(if slot % 2 == 0 { Interrupts::Disabled } else { Interrupts::Enabled });
        fixture.write_used(slot, token, 0, AVAIL | USED);
        assert!(fixture.queue0.pop().unwrap().is_some());
    }
    assert_eq!(fixture.memory.bytes(fixture.ring[2], 4), written);
}
