//! ACCESS_PLATFORM and ORDER_PLATFORM: memory as the platform lets the device reach it.

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use aerostat_spec::reserved::feature::{AccessPlatform, IndirectDesc, OrderPlatform};
use aerostat_spec::{FeatureSet, Optional, WithFeature};
use aerostat_transport::queue::QueueNeeds;
use aerostat_transport::{Device, DeviceAddress, Dma, DmaRegion, FeaturesOk, Mmio, QueueError};

use super::common::{Memory, Plain, Soft, kite, reg};
use super::{INDIRECT, Two, elements};

/// How far apart physical addresses and those of the device are.
const APART: u64 = 0x70_0000_0000;

/// Memory behind an IOMMU. Clones are the same.
#[derive(Clone)]
struct Platform {
    memory: Memory,
    book: Rc<RefCell<Book>>,
}

#[derive(Default)]
struct Book {
    mapped: BTreeMap<u64, usize>,
    /// How often it was to map.
    maps: usize,
    /// How many mappings still succeed.
    left: usize,
}

impl Platform {
    fn new(left: usize) -> Self {
        Self { memory: Memory::new(), book: Rc::new(RefCell::new(Book { left, ..Book::default() })) }
    }

    /// Pieces that are lent, those that are mapped, and how often it was to map.
    fn counts(&self) -> (usize, usize, usize) {
        let book = self.book.borrow();
        (self.memory.lent(), book.mapped.len(), book.maps)
    }
}

// SAFETY: memory comes from another allocator, and the device of these tests reaches none.
unsafe impl Dma for Platform {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.memory.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        assert!(!self.book.borrow().mapped.contains_key(&region.physical()), "unmapped before it is freed");
        self.memory.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        let mut book = self.book.borrow_mut();
        book.maps += 1;
        book.left = book.left.checked_sub(1)?;
        assert_eq!(book.mapped.insert(physical, bytes), None, "mapped once");
        Some(DeviceAddress(physical + APART))
    }

    fn unmap(&mut self, physical: u64, bytes: usize) {
        assert_eq!(self.book.borrow_mut().mapped.remove(&physical), Some(bytes), "unmapped once, as it was mapped");
    }
}

fn started<F: FeatureSet>(soft: &Soft) -> Device<Mmio<Soft>, kite::Device, FeaturesOk<F>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    Device::take(transport).unwrap().acknowledge().driver().negotiate().unwrap()
}

fn offering(features: u64) -> Soft {
    let soft = Soft::new(42);
    soft.model().offered = 1 << 32 | features;
    soft
}

type Behind = Two<AccessPlatform, IndirectDesc>;

/// core.reserved.3, core.reserved.4: the registers, the descriptors of buffers and of tables carry addresses of the device.
#[test]
fn with_the_feature_the_device_gets_the_addresses_of_the_platform() {
    let (soft, mut platform) = (offering(1 << 33 | 1 << 28), Platform::new(usize::MAX));
    let mut device = started::<Behind>(&soft);
    let line = device.queue::<_, 4>(kite::queue::Line, QueueNeeds::least(1).indirect(3), &mut platform).unwrap();
    let mut reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut platform).unwrap();
    assert_eq!(platform.counts(), (3, 3, 3), "two rings and the buffers of one");
    let [line_ring, reel_ring] = [0, 1].map(|queue| soft.model().queues[queue].addresses);
    assert!(line_ring.iter().chain(&reel_ring).all(|address| *address > APART));

    let device = device.go_live();
    let mut line = line.enable(&device);
    // SAFETY: the device touches no buffer.
    unsafe { line.add(&elements(3, 1)) }.unwrap();
    let memory = platform.memory.clone();
    let descriptor = line_ring[0] - APART;
    let table = memory.read64(descriptor);
    assert!((line_ring[0]..line_ring[0] + 0x1000).contains(&table), "in the memory of the ring: {table:#x}");
    assert_eq!(memory.read16(descriptor + 12), INDIRECT);
    assert_eq!(memory.read64(table - APART), 0x40_0000, "those of the caller's elements are the caller's business");

    reel.ask(8, |request| assert_eq!(request.bytes(b"request"), 7)).unwrap();
    for (entry, len) in [(0, 7), (1, 8)] {
        let descriptor = reel_ring[0] - APART + 16 * entry;
        assert_eq!(memory.read32(descriptor + 8), len);
        let buffer = memory.read64(descriptor) - APART;
        assert!(memory.bytes(buffer, len as usize).len() == len as usize, "inside memory");
        assert!(entry == 1 || memory.bytes(buffer, 7) == b"request");
    }

    let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
    line.release(&proof, &mut platform).unwrap();
    reel.release(&proof, &mut platform).unwrap();
    assert_eq!(platform.counts(), (0, 0, 3));
}

/// Wherever it fails, nothing stays lent or mapped, and the device is told of nothing.
#[test]
fn a_mapping_that_fails_gives_all_memory_back() {
    for left in [0, 1] {
        let (soft, mut platform) = (offering(1 << 33 | 1 << 28), Platform::new(left));
        let mut device = started::<Behind>(&soft);
        if left == 0 {
            let refused = device.queue::<_, 4>(kite::queue::Line, 1, &mut platform).map(drop);
            assert!(matches!(refused, Err(QueueError::NoMemory { queue: 0, .. })));
        }
        let refused = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut platform).map(drop);
        assert!(matches!(refused, Err(QueueError::NoMemory { queue: 1, .. })));
        assert_eq!((platform.memory.lent(), platform.book.borrow().mapped.len()), (0, 0));
        assert!(soft.written(reg::QUEUE_READY).is_empty());
        platform.book.borrow_mut().left = 1;
        assert!(device.queue::<_, 4>(kite::queue::Line, 1, &mut platform).is_ok(), "the device can be used on");
    }
}

/// A device that does not get as far gives back what was mapped.
#[test]
fn a_queue_that_cannot_be_set_up_is_unmapped() {
    let (soft, mut platform) = (offering(1 << 33 | 1 << 28), Platform::new(usize::MAX));
    soft.model().queues[1].max = 0;
    let refused = started::<Behind>(&soft).buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut platform).map(drop);
    assert_eq!(refused, Err(QueueError::Missing { queue: 1 }));
    assert_eq!(platform.counts(), (0, 0, 1));
}

/// core.reserved.5
#[test]
fn without_the_feature_addresses_are_physical_and_nothing_is_mapped() {
    type Wished = <Plain as WithFeature<AccessPlatform, Optional>>::Out;
    fn of<F: FeatureSet>(offered: u64) {
        let (soft, mut platform) = (offering(offered), Platform::new(0));
        let mut device = started::<F>(&soft);
        let _line = device.queue::<_, 4>(kite::queue::Line, QueueNeeds::least(1).indirect(3), &mut platform).unwrap();
        let _reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut platform).unwrap();
        assert_eq!(platform.counts(), (3, 0, 0));
        assert!(soft.model().queues[..2].iter().all(|queue| queue.addresses.iter().all(|address| *address < APART)));
    }
    of::<Plain>(0);
    of::<Plain>(1 << 33);
    of::<Wished>(0);
}

/// core.reserved.7: accepted when it is offered, wherever the barriers of the processor are strong enough for it.
#[test]
fn the_order_of_the_platform_is_accepted() {
    type Wished = <Plain as WithFeature<OrderPlatform, Optional>>::Out;
    let soft = offering(1 << 36);
    let device = started::<Wished>(&soft);
    let known = cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"));
    assert_eq!(device.accepted().has(OrderPlatform), known || soft.model().accepted >> 36 & 1 != 0);
    assert_eq!(soft.model().accepted >> 36 & 1 != 0, device.accepted().has(OrderPlatform));
    let mut kite = super::fly::<Wished, 4>(1);
    kite.add(1, 1).unwrap();
    kite.write_used(0, 0, 5);
    kite.publish(1);
    assert_eq!(kite.popped(), (0, 5));
    kite.land();
}
