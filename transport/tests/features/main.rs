//! The features of rings and queues, each against a hand-made device.

#[path = "../common/mod.rs"]
mod common;

mod in_order;
mod indirect;
mod notification;
mod platform;
mod reset;

use aerostat_spec::reserved::feature::RingPacked;
use aerostat_spec::{FeatureSet, Required, WithFeature};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, QueueNeeds, Token, Used};
use aerostat_transport::{Device, DeviceAddress, Live, Mmio, MmioNotifier, VirtQueue};
use common::{Memory, Plain, Soft, kite};

/// Flags of descriptors.
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// The features are required.
type One<A> = <Plain as WithFeature<A, Required>>::Out;
type Two<A, B> = <One<A> as WithFeature<B, Required>>::Out;
type Packed<A> = Two<A, RingPacked>;

/// A live kite with a line, and the device's side of it.
struct Kite<F, const K: usize> {
    soft: Soft,
    memory: Memory,
    device: Device<Mmio<Soft>, kite::Device, Live<F>>,
    line: VirtQueue<MmioNotifier<Soft>, K, Enabled>,
    /// Descriptors, driver area, device area.
    ring: [u64; 3],
    size: u16,
}

/// A descriptor: of a split ring, or an entry of a table of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Desc {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

/// A kite that offers everything.
fn fly<F: FeatureSet, const K: usize>(needs: impl Into<QueueNeeds>) -> Kite<F, K> {
    let (soft, memory) = (Soft::new(42), Memory::new());
    soft.model().offered = u64::MAX;
    soft.model().queues[0].max = K as u32;
    fly_with(soft, memory, needs)
}

fn fly_with<F: FeatureSet, const K: usize>(soft: Soft, mut memory: Memory, needs: impl Into<QueueNeeds>) -> Kite<F, K> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<F>();
    let mut device: Device<_, kite::Device, _> = device.unwrap();
    let line = device.queue::<_, K>(kite::queue::Line, needs, &mut memory).unwrap();
    let device = device.go_live();
    let line = line.enable(&device);
    let queue = soft.model().queues[0];
    Kite { soft, memory, device, line, ring: queue.addresses, size: queue.size as u16 }
}

/// Elements of 16 bytes each, of which the device writes the last ones.
fn elements(count: usize, writable: usize) -> Vec<Element> {
    let element = |index| Element {
        address: DeviceAddress(0x40_0000 + 0x100 * index as u64),
        len: 16,
        access: if index + writable < count { Access::DeviceReads } else { Access::DeviceWrites },
    };
    (0..count).map(element).collect()
}

impl<F: FeatureSet, const K: usize> Kite<F, K> {
    fn add(&mut self, count: usize, writable: usize) -> Result<Token, AddError> {
        // SAFETY: the device of these tests touches no buffer, and neither does anybody else.
        unsafe { self.line.add(&elements(count, writable)) }
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

    /// The device writes a used entry of a split ring; only the index publishes it.
    fn write_used(&self, index: u16, id: u32, len: u32) {
        let at = self.ring[2] + 4 + 8 * u64::from(index % self.size);
        self.memory.write32(at, id);
        self.memory.write32(at + 4, len);
    }

    fn publish(&self, index: u16) {
        self.memory.write16(self.ring[2] + 2, index);
    }

    /// The device writes a used descriptor of a packed ring.
    fn write_packed(&self, (slot, wrap): (u16, bool), id: u16, len: u32) {
        let at = self.ring[0] + 16 * u64::from(slot);
        self.memory.write32(at + 8, len);
        self.memory.write16(at + 12, id);
        self.memory.write16(at + 14, WRITE | if wrap { AVAIL | USED } else { 0 });
    }

    fn popped(&mut self) -> (usize, u32) {
        let Used { token, written } = self.line.pop().unwrap().expect("a used buffer");
        (token.index(), written)
    }

    fn land(self) {
        let Self { mut memory, device, line, .. } = self;
        let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
        line.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.lent(), 0);
    }
}
