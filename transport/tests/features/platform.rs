//! ACCESS_PLATFORM and ORDER_PLATFORM: addresses and barriers of the platform.

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::{AccessPlatform, IndirectDesc, OrderPlatform};
use aerostat_transport::queue::QueueNeeds;
use aerostat_transport::{
    Addressing, Device, DeviceAddress, Dma, DmaDomain, DmaRegion, FeaturesOk, MapError, Mmio, QueueError,
};

use super::{INDIRECT, elements};
use aerostat_test_support::{Memory, Plain, SoftMmio, reg, test_device};

/// Difference between physical addresses and those of the device.
const APART: u64 = 0x70_0000_0000;

/// Memory behind an IOMMU. Clones are the same memory.
#[derive(Clone)]
struct Platform {
    memory: Memory,
    allocator: Rc<RefCell<Mappings>>,
    domain: DmaDomain,
}

#[derive(Default)]
struct Mappings {
    mapped: BTreeMap<u64, usize>,
    /// Number of calls of `map`.
    maps: usize,
    /// Mappings that still succeed.
    left: usize,
}

impl Platform {
    fn new(left: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let domain = NonZeroU64::new(NEXT.fetch_add(1, Ordering::Relaxed)).map(DmaDomain::new).unwrap();
        let allocator = Rc::new(RefCell::new(Mappings { left, ..Mappings::default() }));
        Self { memory: Memory::new(), allocator, domain }
    }

    /// Returns the numbers of allocated regions, of mapped regions, and of calls of `map`.
    fn counts(&self) -> (usize, usize, usize) {
        let allocator = self.allocator.borrow();
        (self.memory.allocated(), allocator.mapped.len(), allocator.maps)
    }
}

// SAFETY: memory comes from another allocator that keeps the contract, and the device of these tests accesses none.
unsafe impl Dma for Platform {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.memory.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        assert!(!self.allocator.borrow().mapped.contains_key(&region.physical()), "unmapped before it is freed");
        self.memory.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        let mut allocator = self.allocator.borrow_mut();
        allocator.maps += 1;
        allocator.left = allocator.left.checked_sub(1)?;
        assert_eq!(allocator.mapped.insert(physical, bytes), None, "mapped once");
        Some(DeviceAddress(physical + APART))
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        assert_eq!(
            self.allocator.borrow_mut().mapped.remove(&physical),
            Some(bytes),
            "unmapped once, as it was mapped"
        );
    }

    fn domain(&self) -> DmaDomain {
        self.domain
    }
}

fn negotiated<F: FeatureSet>(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, test_device::Device, FeaturesOk<F>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate().unwrap()
}

fn offering(features: u64) -> SoftMmio {
    let soft = SoftMmio::new(42);
    soft.model().offered = 1 << 32 | features;
    soft
}

/// Returns a device that requires the addresses of a platform, and this platform, which maps up to `left` ranges.
fn behind_an_iommu(left: usize) -> (SoftMmio, Platform) {
    let (soft, platform) = (offering(1 << 33 | 1 << 28), Platform::new(left));
    soft.model().domain = platform.domain();
    (soft, platform)
}

aerostat_spec::feature_set! { struct Translated for test_device { AccessPlatform: Required, IndirectDesc: Required } }
aerostat_spec::feature_set! { struct OptionalPlatform for test_device { AccessPlatform: Optional } }
aerostat_spec::feature_set! { struct OptionalOrder for test_device { OrderPlatform: Optional } }

/// The registers, the descriptors of buffers and of tables carry addresses of the device.
// conformance: core.reserved.3, core.reserved.4
#[test]
fn with_the_feature_the_device_gets_the_addresses_of_the_platform() {
    let (soft, mut platform) = behind_an_iommu(usize::MAX);
    let mut device = negotiated::<Translated>(&soft);
    let queue0 =
        device.queue::<_, 4>(test_device::queue::Queue0, QueueNeeds::least(1).indirect(3), &mut platform).unwrap();
    let mut queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut platform).unwrap();
    assert_eq!(platform.counts(), (3, 3, 3), "two rings and the buffers of one");
    let [line_ring, reel_ring] = [0, 1].map(|queue| soft.model().queues[queue].addresses);
    assert!(line_ring.iter().chain(&reel_ring).all(|address| *address > APART));

    let device = device.go_live();
    let mut queue0 = queue0.enable(&device);
    // SAFETY: the device does not access buffers.
    unsafe { queue0.add(&elements(3, 1)) }.unwrap();
    let memory = platform.memory.clone();
    let descriptor = line_ring[0] - APART;
    let table = memory.read64(descriptor);
    assert!((line_ring[0]..line_ring[0] + 0x1000).contains(&table), "in the memory of the ring: {table:#x}");
    assert_eq!(memory.read16(descriptor + 12), INDIRECT);
    assert_eq!(memory.read64(table - APART), 0x40_0000, "addresses in the caller's elements are not translated");

    queue1.request(8, |request| assert_eq!(request.bytes(b"request"), 7)).unwrap();
    for (entry, len) in [(0, 7), (1, 8)] {
        let descriptor = reel_ring[0] - APART + 16 * entry;
        assert_eq!(memory.read32(descriptor + 8), len);
        let buffer = memory.read64(descriptor) - APART;
        assert!(memory.bytes(buffer, len as usize).len() == len as usize, "inside memory");
        assert!(entry == 1 || memory.bytes(buffer, 7) == b"request");
    }

    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue0.release(&proof, &mut platform).unwrap();
    queue1.release(&proof, &mut platform).unwrap();
    assert_eq!(platform.counts(), (0, 0, 3));
}

/// Wherever it fails, nothing stays allocated or mapped, and the device does not learn an address.
#[test]
fn a_failed_mapping_frees_all_memory() {
    for left in [0, 1] {
        let (soft, mut platform) = behind_an_iommu(left);
        let mut device = negotiated::<Translated>(&soft);
        if left == 0 {
            let rejected = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut platform).map(drop);
            assert!(matches!(rejected, Err(QueueError::NoMemory { queue: 0, .. })));
        }
        let rejected = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut platform).map(drop);
        assert!(matches!(rejected, Err(QueueError::NoMemory { queue: 1, .. })));
        assert_eq!((platform.memory.allocated(), platform.allocator.borrow().mapped.len()), (0, 0));
        assert!(soft.written(reg::QUEUE_READY).is_empty());
        platform.allocator.borrow_mut().left = 1;
        assert!(
            device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut platform).is_ok(),
            "the device can be used on"
        );
    }
}

/// A failed set-up unmaps the memory.
#[test]
fn a_queue_that_cannot_be_set_up_is_unmapped() {
    let (soft, mut platform) = behind_an_iommu(usize::MAX);
    soft.model().queues[1].max = 0;
    let rejected = negotiated::<Translated>(&soft)
        .buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut platform)
        .map(drop);
    assert_eq!(rejected, Err(QueueError::Missing { queue: 1 }));
    assert_eq!(platform.counts(), (0, 0, 1));
}

// conformance: core.reserved.5
#[test]
fn without_the_feature_addresses_are_physical_and_nothing_is_mapped() {
    fn of<F: FeatureSet>(offered: u64) {
        let (soft, mut platform) = (offering(offered), Platform::new(0));
        let mut device = negotiated::<F>(&soft);
        let _line =
            device.queue::<_, 4>(test_device::queue::Queue0, QueueNeeds::least(1).indirect(3), &mut platform).unwrap();
        let _reel = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut platform).unwrap();
        assert_eq!(platform.counts(), (3, 0, 0));
        assert!(soft.model().queues[..2].iter().all(|queue| queue.addresses.iter().all(|address| *address < APART)));
    }
    of::<Plain>(0);
    of::<Plain>(1 << 33);
    of::<OptionalPlatform>(0);
}

/// Accepted if it is offered and the target has the barriers.
// conformance: core.reserved.7
#[test]
fn order_platform_is_accepted() {
    let soft = offering(1 << 36);
    let device = negotiated::<OptionalOrder>(&soft);
    let known = cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"));
    assert_eq!(device.accepted().has(OrderPlatform), known || soft.model().accepted >> 36 & 1 != 0);
    assert_eq!(soft.model().accepted >> 36 & 1 != 0, device.accepted().has(OrderPlatform));
    let mut fixture = super::live::<OptionalOrder, 4>(1);
    fixture.add(1, 1).unwrap();
    fixture.write_used(0, 0, 5);
    fixture.publish(1);
    assert_eq!(fixture.popped(), (0, 5));
    fixture.finish();
}

/// A device uses objects of the domain of its transport, also as the first one. Memory is neither mapped nor unmapped in another one, and nothing
/// is lost.
#[test]
fn memory_is_mapped_and_unmapped_in_one_domain() {
    let ((soft, mut own), mut other) = (behind_an_iommu(usize::MAX), Platform::new(usize::MAX));
    let mut device = negotiated::<Translated>(&soft);
    let rejected = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut other).map(drop);
    assert_eq!(rejected, Err(QueueError::OtherDomain));
    let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut own).unwrap();
    assert_eq!(device.addressing(&own), Ok(Addressing::Platform(own.domain())));
    assert_eq!(device.addressing(&other), Err(QueueError::OtherDomain));
    let rejected = device.queue::<_, 4>(test_device::queue::Queue1, 1, &mut other).map(drop);
    assert_eq!(rejected, Err(QueueError::OtherDomain));
    let rejected = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut other).map(drop);
    assert_eq!(rejected, Err(QueueError::OtherDomain));
    assert_eq!(device.park_unused_queues(&mut other).map(drop), Err(QueueError::OtherDomain));
    assert_eq!((other.counts(), soft.model().queues[1].ready), ((0, 0, 0), 0));
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut own).unwrap();
    let parked = device.park_unused_queues(&mut own).unwrap();
    // The ring of a queue, ring and buffers of another one, and all parked rings together.
    assert_eq!(own.counts(), (4, 4, 4));

    let (_transport, proof) = device.go_live().reset().poll().map_err(|(_, error)| error).unwrap();
    let queue0 = queue0.release(&proof, &mut other).unwrap_err();
    let queue1 = queue1.release(&proof, &mut other).unwrap_err();
    let parked = parked.release(&proof, &mut other).unwrap_err();
    assert_eq!((own.counts(), other.counts()), ((4, 4, 4), (0, 0, 0)));
    queue0.release(&proof, &mut own).unwrap();
    queue1.release(&proof, &mut own).unwrap();
    parked.release(&proof, &mut own).unwrap();
    assert_eq!(own.counts(), (0, 0, 4));
}

/// A kernel that implements `map` and forgets `domain` learns it at once: the check above would accept every object.
#[test]
fn translated_addresses_need_a_domain() {
    let soft = offering(1 << 33 | 1 << 28);
    let mut platform = Platform { domain: DmaDomain::IDENTITY, ..Platform::new(usize::MAX) };
    let mut device = negotiated::<Translated>(&soft);
    let rejected = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut platform).map(drop);
    assert_eq!(rejected, Err(QueueError::NoDomain));
    let rejected = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut platform).map(drop);
    assert_eq!(rejected, Err(QueueError::NoDomain));
    assert!(device.park_unused_queues(&mut platform).is_err());
    let addressing = device.addressing(&platform).unwrap();
    assert_eq!(addressing.map(&mut platform, 0x5000, 0x1000), Err(MapError::NoDomain));
    assert_eq!(platform.counts(), (0, 0, 4), "mapped and unmapped again");
    assert!(soft.model().queues.iter().all(|queue| queue.ready == 0));

    // The identity mapping needs none.
    let mut memory = Memory::new();
    let mut device = negotiated::<Translated>(&soft);
    let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    assert_eq!(device.addressing(&memory), Ok(Addressing::Platform(DmaDomain::IDENTITY)));
    let (_transport, proof) = device.abandon().poll().map_err(|(_, error)| error).unwrap();
    queue0.release(&proof, &mut memory).unwrap();
}

/// The memory of a caller is bound in the same way.
#[test]
fn the_memory_of_a_caller_is_mapped_in_the_domain_of_the_device() {
    let ((soft, mut own), mut other) = (behind_an_iommu(2), Platform::new(usize::MAX));
    let device = negotiated::<Translated>(&soft);
    let addressing = device.addressing(&own).unwrap();
    let address = addressing.map(&mut own, 0x5000, 0x1000).unwrap();
    assert_eq!(address, DeviceAddress(0x5000 + APART));
    assert_eq!(addressing.map(&mut other, 0x7000, 0x1000), Err(MapError::OtherDomain));
    // SAFETY: the device does not access memory.
    let rejected = unsafe { addressing.unmap(&mut other, 0x5000, 0x1000) };
    assert_eq!(rejected, Err(MapError::OtherDomain));
    assert_eq!((own.counts(), other.counts()), ((0, 1, 1), (0, 0, 0)));
    // SAFETY: mapped once, above; the device does not access memory.
    unsafe { addressing.unmap(&mut own, 0x5000, 0x1000) }.unwrap();
    let layout = Layout::from_size_align(64, 64).unwrap();
    assert_eq!(DmaRegion::allocate(&mut other, layout, addressing).map(drop), Err(MapError::OtherDomain));
    let region = DmaRegion::allocate(&mut own, layout, addressing).unwrap();
    let region = region.release(&mut other).unwrap_err();
    assert!(region.device_address().0 > APART, "unchanged");
    region.release(&mut own).unwrap();
    assert_eq!(DmaRegion::allocate(&mut own, layout, addressing).map(drop), Err(MapError::Failed { bytes: 64 }));
    assert_eq!((own.counts(), other.counts()), ((0, 0, 3), (0, 0, 0)));

    // Without the feature, addresses are physical, whatever the domain is.
    let device = negotiated::<Plain>(&offering(0));
    assert_eq!(device.addressing(&own), Ok(Addressing::Physical));
    assert_eq!(device.addressing(&other), Ok(Addressing::Physical));
    assert_eq!(Addressing::Physical.map(&mut other, 0x5000, 1), Ok(DeviceAddress(0x5000)));
    assert_eq!(other.counts(), (0, 0, 0));
}
