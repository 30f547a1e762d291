//! The features of rings and queues, each against a hand-written device.

mod event_index;
mod in_order;
mod indirect;
mod notification;
mod platform;
mod reset;
mod unsupported;

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::RingPacked;
use aerostat_test_support::{Memory, SoftMmio, test_device};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, QueueNeeds, Token, Used};
use aerostat_transport::{Device, DeviceAddress, Live, Mmio, MmioNotifier, VirtQueue};

/// Flags of descriptors.
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }

/// A live device with queue 0, and the device side of the queue.
struct Fixture<F: aerostat_spec::FeatureSet, const K: usize> {
    soft: SoftMmio,
    memory: Memory,
    device: Device<Mmio<SoftMmio>, test_device::Device, Live<F>>,
    queue0: VirtQueue<MmioNotifier<SoftMmio>, K, Enabled>,
    /// Descriptors, driver area, device area.
    ring: [u64; 3],
    size: u16,
}

/// A descriptor of a split ring or of one of its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Desc {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

/// A device that offers every feature.
fn live<F: FeatureSet, const K: usize>(needs: impl Into<QueueNeeds>) -> Fixture<F, K> {
    let (soft, memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered = u64::MAX;
    soft.model().queues[0].max = K as u32;
    live_with(soft, memory, needs)
}

fn live_with<F: FeatureSet, const K: usize>(
    soft: SoftMmio,
    mut memory: Memory,
    needs: impl Into<QueueNeeds>,
) -> Fixture<F, K> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<F>();
    let mut device: Device<_, test_device::Device, _> = device.unwrap();
    let queue0 = device.queue::<_, K>(test_device::queue::Queue0, needs, &mut memory).unwrap();
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    let queue = soft.model().queues[0];
    Fixture { soft, memory, device, queue0, ring: queue.addresses, size: queue.size as u16 }
}

/// Elements of 16 bytes each, the last ones device-writable.
fn elements(count: usize, writable: usize) -> Vec<Element> {
    let element = |index| Element {
        address: DeviceAddress(0x40_0000 + 0x100 * index as u64),
        len: 16,
        access: if index + writable < count { Access::DeviceReads } else { Access::DeviceWrites },
    };
    (0..count).map(element).collect()
}

impl<F: FeatureSet, const K: usize> Fixture<F, K> {
    fn add(&mut self, count: usize, writable: usize) -> Result<Token, AddError> {
        // SAFETY: the device of these tests does not access buffers, and nothing else does.
        unsafe { self.queue0.add(&elements(count, writable)) }
    }

    /// A descriptor at an address.
    fn desc(&self, at: u64) -> Desc {
        Desc {
            address: self.memory.read64(at),
            len: self.memory.read32(at + 8),
            flags: self.memory.read16(at + 12),
            next: self.memory.read16(at + 14),
        }
    }

    /// The descriptor of a split ring at a slot.
    fn slot(&self, slot: u16) -> Desc {
        self.desc(self.ring[0] + 16 * u64::from(slot))
    }

    /// Writes a used entry of a split ring, as the device does, without publishing it.
    fn write_used(&self, index: u16, id: u32, len: u32) {
        let at = self.ring[2] + 4 + 8 * u64::from(index % self.size);
        self.memory.write32(at, id);
        self.memory.write32(at + 4, len);
    }

    fn publish(&self, index: u16) {
        self.memory.write16(self.ring[2] + 2, index);
    }

    /// Writes a used descriptor of a packed ring, as the device does.
    fn write_packed(&self, (slot, wrap): (u16, bool), id: u16, len: u32) {
        let at = self.ring[0] + 16 * u64::from(slot);
        self.memory.write32(at + 8, len);
        self.memory.write16(at + 12, id);
        self.memory.write16(at + 14, WRITE | if wrap { AVAIL | USED } else { 0 });
    }

    fn popped(&mut self) -> (usize, u32) {
        let Used { token, written } = self.queue0.pop().unwrap().expect("a used buffer");
        (token.index(), written)
    }

    fn finish(self) {
        let Self { mut memory, device, queue0, .. } = self;
        let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
        queue0.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
}
