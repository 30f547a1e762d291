//! The MMIO transport, legacy interface, on software registers. The model panics on registers of the modern layout.

use std::alloc::Layout;
use std::collections::BTreeMap;

use aerostat_spec::reserved::feature::{AnyLayout, EventIdx, RingPacked};
use aerostat_spec::{Interface, NegotiateError};
use aerostat_test_support::{Memory, Plain, RegisterAccess, SoftMmio, reg, test_device};
use aerostat_transport::queue::{Access, Element, Enabled, Interrupts, Notification, Token};
use aerostat_transport::{
    ConfigError, Device, DeviceAddress, DeviceError, Dma, DmaRegion, Either, Features, FeaturesOk, InterruptSource,
    InterruptStatus, Legacy, LegacyMmio, Mmio, MmioError, MmioNotifier, Modern, QueueError, SetupError, SetupFailed,
    Transport, VirtQueue,
};

type Old = LegacyMmio<SoftMmio>;
type Fixture<S> = Device<Old, test_device::Device, S>;

fn transport(soft: &SoftMmio) -> Old {
    LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap()
}

fn negotiate<F: aerostat_spec::FeatureSet>(soft: &SoftMmio) -> Result<Fixture<FeaturesOk<F>>, SetupFailed<Old>> {
    Device::take(transport(soft))?.poll()?.acknowledge().driver().negotiate()
}

fn negotiated(soft: &SoftMmio) -> Fixture<FeaturesOk<Plain>> {
    negotiate(soft).map_err(|failed| failed.error).unwrap()
}

/// The driver writes nothing before it has identified the device.
// conformance: mmio.legacy.1, mmio.reg.8, mmio.reg.9, mmio.reg.10, mmio.reg.11, mmio.init.1, mmio.init.2, mmio.init.3
// conformance: mmio.init.4
#[test]
fn version_1_is_the_legacy_interface_and_no_other_version_is() {
    let soft = SoftMmio::legacy(42);
    assert_eq!(transport(&soft).device_id().0, 42);
    for version in [0, 2, 3, 0x0100_0001, u32::MAX] {
        soft.model().version = version;
        let error = LegacyMmio::new(soft.clone()).map(drop).map_err(|(_, error)| error);
        assert_eq!(error, Err(MmioError::Version { expected: 1, found: version }));
    }
    assert!(soft.log().iter().all(|access| matches!(access, RegisterAccess::Read(..))));

    for (id, version) in [(0, 1), (0, 2)] {
        let soft = SoftMmio::legacy(id);
        soft.model().version = version;
        let error = Mmio::either(soft.clone()).map(drop).map_err(|(_, error)| error);
        assert_eq!(error, Err(MmioError::NoDevice));
        assert_eq!(
            soft.log().last(),
            Some(&RegisterAccess::Read(reg::DEVICE_ID, 32)),
            "the read of the device id is the last access"
        );
    }
}

// conformance: core.conformance.2
#[test]
fn either_takes_the_interface_that_the_device_has() {
    let legacy = Mmio::either(SoftMmio::legacy(42)).map_err(|(_, error)| error).unwrap();
    assert!(matches!(legacy, Either::Second(_)));
    assert_eq!((legacy.interface(), legacy.name(), legacy.device_id().0), (Interface::Legacy, "MMIO, legacy", 42));
    let modern = Mmio::either(SoftMmio::new(42)).map_err(|(_, error)| error).unwrap();
    assert!(matches!(modern, Either::First(_)));
    assert_eq!((modern.interface(), modern.name()), (Interface::Modern, "MMIO, modern"));
    let soft = SoftMmio::new(42);
    soft.model().version = 3;
    assert!(matches!(Mmio::either(soft), Err((_, MmioError::Version { found: 3, .. }))));
}

/// The type of the transport determines the interface.
// conformance: core.legacy-feature.2
#[test]
fn the_interface_is_part_of_the_type() {
    fn word<T: Transport>() -> usize {
        size_of::<Features<T>>()
    }
    fn kind<T: Transport<InterfaceKind = D>, D>() {}
    kind::<Old, Legacy>();
    kind::<Mmio<SoftMmio>, Modern>();
    kind::<Either<Mmio<SoftMmio>, Old>, Either<Modern, Legacy>>();
    assert_eq!((word::<Old>(), word::<Mmio<SoftMmio>>(), word::<Either<Mmio<SoftMmio>, Old>>()), (4, 8, 8));
    let soft = SoftMmio::legacy(42);
    let device = negotiated(&soft);
    assert_eq!(device.interface(), Interface::Legacy);
    assert_eq!(device.go_live().interface(), Interface::Legacy);
}

/// The life cycle, access by access.
// conformance: core.init.1, core.init.2, core.init.3, core.init.4, core.init.10, core.init.11, core.legacy-init.1
// conformance: core.legacy-init.2, mmio.init.6, mmio.vq-config.1, mmio.legacy.2, mmio.legacy.3, mmio.legacy.4
// conformance: mmio.legacy.5, mmio.legacy.6, mmio.legacy.7, mmio.legacy.8, mmio.legacy.9, mmio.legacy.10
// conformance: mmio.legacy.13, mmio.legacy.14
#[test]
fn a_device_is_set_up_in_the_order_of_the_legacy_interface() {
    use RegisterAccess::{Read, Write};
    let (soft, mut memory) = (SoftMmio::legacy(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    assert_eq!(queue1.notify(), Notification::Sent);
    let pfn = soft.model().queues[1].pfn;
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
    let expected = [
        Read(reg::MAGIC, 32),
        Read(reg::VERSION, 32),
        Read(reg::DEVICE_ID, 32),
        Write(reg::STATUS, 32, 0),
        Write(reg::STATUS, 32, 1),
        Write(reg::STATUS, 32, 3),
        Write(reg::DEVICE_FEATURES_SEL, 32, 0),
        Read(reg::DEVICE_FEATURES, 32),
        Write(reg::DRIVER_FEATURES_SEL, 32, 0),
        Write(reg::DRIVER_FEATURES, 32, 1 << 27),
        Write(reg::GUEST_PAGE_SIZE, 32, 4096),
        Write(reg::QUEUE_SEL, 32, 1),
        Read(reg::QUEUE_PFN, 32),
        Read(reg::QUEUE_SIZE_MAX, 32),
        Write(reg::QUEUE_SEL, 32, 1),
        Write(reg::QUEUE_SIZE, 32, 8),
        Write(reg::QUEUE_ALIGN, 32, 4096),
        Write(reg::QUEUE_PFN, 32, pfn),
        Write(reg::STATUS, 32, 7),
        Write(reg::QUEUE_NOTIFY, 32, 1),
        Write(reg::STATUS, 32, 0),
    ];
    // The status may be read at any time.
    let log: Vec<RegisterAccess> = soft.log().into_iter().filter(|access| *access != Read(reg::STATUS, 32)).collect();
    assert_eq!(log, expected);
    assert_eq!(memory.allocated(), 0);
}

/// ANY_LAYOUT whenever it is offered, bit 30 and what the driver did not declare never; the bits above 31 are not
/// even selected.
// conformance: core.legacy-reserved.1, core.legacy-reserved.2, core.feature.1, core.feature.7
#[test]
fn legacy_features_have_32_bits_and_bit_30_is_never_accepted() {
    aerostat_spec::feature_set! { struct Everything for test_device { AnyLayout: Optional, EventIdx: Optional } }
    for (offered, accepted) in [
        (u64::MAX, 1 << 27 | 1 << 29),
        (!(1 << 27), 1 << 29),
        (1 << 27, 1 << 27),
        (1 << 30, 0),
        (1 << 30 | 1 << 27, 1 << 27),
        (0, 0),
    ] {
        let soft = SoftMmio::legacy(42);
        soft.model().offered = offered;
        let device = negotiate::<Everything>(&soft).map_err(|failed| failed.error).unwrap();
        assert_eq!((soft.model().accepted, device.accepted().offered()), (accepted, offered & 0xffff_ffff));
        assert_eq!(
            (soft.written(reg::DEVICE_FEATURES_SEL), soft.written(reg::DRIVER_FEATURES_SEL)),
            (vec![0], vec![0])
        );
    }
}

/// A feature that the interface does not have is not offered, and the device is set to FAILED.
// conformance: core.feature.10, core.init.12
#[test]
fn a_required_feature_of_the_modern_interface_fails() {
    aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }
    let soft = SoftMmio::legacy(42);
    soft.model().offered = u64::MAX;
    let error = negotiate::<Packed>(&soft).unwrap_err().error;
    assert!(matches!(error, SetupError::Negotiate(NegotiateError::NotOffered { .. })), "{error:?}");
    assert_eq!(soft.statuses().last(), Some(&0x83));
    assert!(soft.written(reg::DRIVER_FEATURES).is_empty());
}

/// Descriptors, available ring, padding to 4096, used ring; all in one zeroed allocation.
// conformance: ring.split.legacy-layout.2, ring.split.legacy-layout.3, ring.split.legacy-layout.4, mmio.vq-config.4
// conformance: mmio.legacy.6, mmio.legacy.7
#[test]
fn the_ring_has_the_legacy_layout() {
    for (max, size, used, total) in [
        (1, 1, 4096, 8192),
        (7, 4, 4096, 8192),
        (8, 8, 4096, 8192),
        // 16 × 128 + 2 × 131 bytes, and 8 × 128 + 6.
        (128, 128, 4096, 8192),
        (256, 256, 8192, 12288),
        (512, 512, 12288, 20480),
        (0xffff_ffff, 512, 12288, 20480),
    ] {
        let (soft, mut memory) = (SoftMmio::legacy(42), Memory::new());
        soft.model().queues[0].max = max;
        let mut device = negotiated(&soft);
        let queue0 = device.queue::<_, 512>(test_device::queue::Queue0, 1, &mut memory).unwrap();
        let queue = soft.model().queues[0];
        assert_eq!((queue.size, queue.align, soft.model().page_size), (size, 4096, 4096), "{max}");
        let start = u64::from(queue.pfn) * 4096;
        assert_eq!(memory.allocation_at(start), Some(total), "{max}");
        assert!(memory.bytes(start, total).iter().all(|byte| *byte == 0), "{max}");
        // The driver reads the first used entry where the layout has it.
        let device = device.go_live();
        let mut queue0 = queue0.enable(&device);
        // SAFETY: the device does not access buffers.
        let token = unsafe { queue0.add(&[element(16)]) }.unwrap();
        assert_eq!(memory.read_native16(start + 16 * u64::from(size) + 2), 1, "the available index");
        complete(Interface::Legacy, &memory, start + used, token.index() as u32, 3);
        assert_eq!(queue0.pop().map(|used| used.map(|used| (used.token, used.written))), Ok(Some((token, 3))));
        // With flags for events, interrupts are turned off in front of the available ring.
        queue0.set_interrupts(Interrupts::Disabled);
        assert_eq!(memory.read_native16(start + 16 * u64::from(size)), 1);
    }
}

fn element(len: u32) -> Element {
    Element { address: DeviceAddress(0x40_0000), len, access: Access::DeviceWrites }
}

/// Writes the first used entry in the byte order of the interface, as the device does.
fn complete(interface: Interface, memory: &Memory, used: u64, id: u32, len: u32) {
    let (to32, to16): (fn(u32) -> [u8; 4], fn(u16) -> [u8; 2]) = match interface {
        Interface::Modern => (u32::to_le_bytes, u16::to_le_bytes),
        Interface::Legacy => (u32::to_ne_bytes, u16::to_ne_bytes),
    };
    memory.write(used + 4, &to32(id));
    memory.write(used + 8, &to32(len));
    memory.write(used + 2, &to16(1));
}

/// Memory with chosen physical addresses, which no device accesses.
struct Placed {
    memory: Memory,
    physical: u64,
    allocated: BTreeMap<u64, DmaRegion>,
}

// SAFETY: the device of these tests is a model that does not access memory.
unsafe impl Dma for Placed {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let region = self.memory.alloc(layout)?;
        let start = region.as_ptr();
        self.allocated.insert(self.physical, region);
        // SAFETY: as above.
        Some(unsafe { DmaRegion::new(start, self.physical, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let whole = self.allocated.remove(&region.physical()).expect("the region was allocated");
        self.memory.free(whole);
    }
}

/// An address that the register cannot express is an error, and the memory is back.
// conformance: mmio.legacy.10, mmio.legacy.11
#[test]
fn a_ring_that_the_register_cannot_express_is_rejected() {
    let last = (1 << 44) - 4096;
    for physical in [0, 1, 16, 4095, 0x1800, 0x10_0010, last + 16, 1 << 44, (1 << 44) + 4096, !0xfff, u64::MAX] {
        let soft = SoftMmio::legacy(42);
        let mut device = negotiated(&soft);
        let mut placed = Placed { memory: Memory::new(), physical, allocated: BTreeMap::new() };
        let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut placed).map(drop);
        assert_eq!(queue0, Err(QueueError::Address { queue: 0, address: physical }));
        assert_eq!((placed.memory.allocated(), soft.written(reg::QUEUE_PFN)), (0, vec![]), "{physical:#x}");
        // With memory elsewhere it works.
        placed.physical = 0x1000;
        assert!(device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut placed).is_ok());
        assert_eq!((soft.written(reg::QUEUE_PFN), placed.memory.allocated()), (vec![1], 1));
    }
    let soft = SoftMmio::legacy(42);
    let mut placed = Placed { memory: Memory::new(), physical: last, allocated: BTreeMap::new() };
    assert!(negotiated(&soft).queue::<_, 8>(test_device::queue::Queue0, 1, &mut placed).is_ok());
    assert_eq!(soft.written(reg::QUEUE_PFN), [0xffff_ffff], "the last page");
}

/// The driver does not change a queue that is in use, and does not read its size. (The register file panics if it
/// does.)
// conformance: mmio.legacy.4, mmio.legacy.5, mmio.vq-config.3
#[test]
fn a_queue_that_is_in_use_or_missing_is_rejected() {
    let (soft, mut memory) = (SoftMmio::legacy(42), Memory::new());
    let mut device = negotiated(&soft);
    for pfn in [1, 0x8000_0000, u32::MAX] {
        soft.model().queues[0].pfn = pfn;
        let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).map(drop);
        assert_eq!(queue0, Err(QueueError::InUse { queue: 0 }));
    }
    soft.model().queues[1].max = 0;
    let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop);
    assert_eq!(queue1, Err(QueueError::Missing { queue: 1 }));
    assert_eq!((memory.allocated(), soft.written(reg::QUEUE_PFN)), (0, vec![]));
}

/// Without a generation count, what takes two accesses is read until two values agree.
// conformance: core.config.1, core.legacy-config.2
#[test]
fn a_field_of_64_bits_is_read_until_two_values_agree() {
    let soft = SoftMmio::legacy(42);
    let device = negotiated(&soft).go_live();
    let config = device.config();
    let read = |soft: &SoftMmio| {
        let start = soft.log().len();
        let value = config.read(test_device::config::Read64);
        (value, soft.log().len() - start)
    };
    soft.model().config[8..16].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(read(&soft), (Ok(0x0807_0605_0403_0201), 4), "two reads of two halves");

    // The value changes between the halves of the first reads, so they are inconsistent.
    let mut reads = 0_u32;
    soft.model().on_config_read = Some(Box::new(move |config, _| {
        reads += 1;
        if reads <= 4 {
            let (low, high) = if reads.is_multiple_of(2) { (reads, reads) } else { (u32::MAX, reads) };
            config[8..12].copy_from_slice(&low.to_le_bytes());
            config[12..16].copy_from_slice(&high.to_le_bytes());
        }
    }));
    let (value, accesses) = read(&soft);
    assert_eq!(value, Ok(0x0000_0004_0000_0004));
    assert_eq!(accesses, 8, "only until two values agree");

    let mut reads = 0_u32;
    soft.model().on_config_read = Some(Box::new(move |config, _| {
        reads += 1;
        config[8..12].copy_from_slice(&reads.to_le_bytes());
    }));
    let start = soft.log().len();
    let error = config.read(test_device::config::Read64).unwrap_err();
    assert!(matches!(error, ConfigError::Unstable { field: "read64", .. }));
    assert!(soft.log().len() - start < 1000, "within a limit");
}

/// Fields of up to 32 bits take one access. (The legacy interface has no generation count.)
// conformance: mmio.legacy.13, balloon.legacy-op.2, balloon.legacy-op.3
#[test]
fn smaller_fields_are_read_once() {
    let soft = SoftMmio::legacy(42);
    soft.model().config[..23].copy_from_slice(&std::array::from_fn::<u8, 23, _>(|byte| byte as u8 + 1));
    let device = negotiated(&soft).go_live();
    let (config, start) = (device.config(), soft.log().len());
    assert_eq!(config.read(test_device::config::Read32), Ok(0x0403_0201));
    assert_eq!(config.read(test_device::config::Write16), Ok(0x1615));
    assert_eq!(config.read(test_device::config::Write8), Ok(0x17));
    config.write(test_device::config::Write32, 0xaabb_ccdd).unwrap();
    let expected = [
        RegisterAccess::Read(0x100, 32),
        RegisterAccess::Read(0x114, 16),
        RegisterAccess::Read(0x116, 8),
        RegisterAccess::Write(0x104, 32, 0xaabb_ccdd),
    ];
    assert_eq!(soft.log()[start..], expected);
}

/// A live device with queue 0 of 4 descriptors, over either interface.
struct LiveQueue<T: Transport<Notifier = MmioNotifier<SoftMmio>>> {
    memory: Memory,
    _device: Device<T, test_device::Device, aerostat_transport::Live<Plain>>,
    queue0: VirtQueue<MmioNotifier<SoftMmio>, 4, Enabled>,
    used: u64,
}

fn live_queue<T: Transport<Notifier = MmioNotifier<SoftMmio>>>(soft: &SoftMmio, transport: T) -> LiveQueue<T> {
    let mut memory = Memory::new();
    let device = Device::take(transport)
        .map_err(|failed| failed.error)
        .unwrap()
        .poll()
        .map_err(|(_, error)| error)
        .unwrap()
        .acknowledge()
        .driver();
    let mut device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap();
    let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    let used = soft.model().queues[0].addresses[2];
    LiveQueue { memory, _device: device, queue0, used }
}

/// Many old devices report a wrong length, which is cut to what the buffer has; on the modern interface it is an
/// error.
// conformance: ring.split.legacy-used.1
#[test]
fn a_used_length_that_is_too_long_is_an_error_on_the_modern_interface_only() {
    for length in [17, 4096, u32::MAX] {
        let soft = SoftMmio::legacy(42);
        let mut fixture = live_queue(&soft, transport(&soft));
        // SAFETY: the device does not access buffers.
        let token = unsafe { fixture.queue0.add(&[element(16)]) }.unwrap();
        complete(Interface::Legacy, &fixture.memory, fixture.used, token.index() as u32, length);
        assert_eq!(fixture.queue0.pop().map(|used| used.map(|used| used.written)), Ok(Some(16)));
        assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (4, 0));

        let soft = SoftMmio::new(42);
        let mut fixture = live_queue(&soft, Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap());
        // SAFETY: as above.
        let token = unsafe { fixture.queue0.add(&[element(16)]) }.unwrap();
        complete(Interface::Modern, &fixture.memory, fixture.used, token.index() as u32, length);
        let error = DeviceError::LengthTooLong { queue: 0, id: 0, length, capacity: 16 };
        assert_eq!((fixture.queue0.pop(), fixture.queue0.in_flight()), (Err(error), 1));
    }
}

/// The reported length of a device-readable buffer is ignored.
// conformance: ring.split.legacy-used.1, balloon.legacy-op.1
#[test]
fn the_used_length_of_a_device_readable_buffer_is_ignored() {
    let soft = SoftMmio::legacy(42);
    let mut fixture = live_queue(&soft, transport(&soft));
    let reads = Element { access: Access::DeviceReads, ..element(16) };
    // SAFETY: the device does not access buffers.
    let token = unsafe { fixture.queue0.add(&[reads]) }.unwrap();
    complete(Interface::Legacy, &fixture.memory, fixture.used, token.index() as u32, u32::MAX);
    assert_eq!(fixture.queue0.pop().map(|used| used.map(|used| used.written)), Ok(Some(0)));
}

/// Only lengths are tolerated: ids and indexes are checked.
#[test]
fn invalid_used_entries_of_a_legacy_device_are_errors_and_return_nothing() {
    for (id, length) in [(1, 0), (4, u32::MAX), (0x1_0000, 0), (u32::MAX, 16)] {
        let soft = SoftMmio::legacy(42);
        let mut fixture = live_queue(&soft, transport(&soft));
        // SAFETY: the device does not access buffers.
        unsafe { fixture.queue0.add(&[element(16)]) }.unwrap();
        complete(Interface::Legacy, &fixture.memory, fixture.used, id, length);
        assert_eq!(fixture.queue0.pop(), Err(DeviceError::NotOutstanding { queue: 0, id }));
        assert_eq!((fixture.queue0.in_flight(), fixture.queue0.notify()), (1, Notification::Suppressed));
    }
    for to in [2, 0x8000, u16::MAX] {
        let soft = SoftMmio::legacy(42);
        let mut fixture = live_queue(&soft, transport(&soft));
        // SAFETY: as above.
        let _: Token = unsafe { fixture.queue0.add(&[element(16)]) }.unwrap();
        fixture.memory.write(fixture.used + 2, &u16::to_ne_bytes(to));
        assert_eq!(fixture.queue0.pop(), Err(DeviceError::IndexJumped { queue: 0, from: 0, to, in_flight: 1 }));
    }
}

/// A device that has not finished its reset keeps its memory.
// conformance: core.reset.1, core.cleanup.2
#[test]
fn a_reset_that_does_not_finish_is_an_error() {
    let soft = SoftMmio::legacy(42);
    soft.model().status_override = Some(Box::new(|_| 0x40));
    let resetting = Device::<_, test_device::Device, _>::take(transport(&soft)).map_err(|failed| failed.error).unwrap();
    let (_resetting, error) = resetting.poll().map(drop).unwrap_err();
    assert_eq!(error, SetupError::ResetUnfinished { status: 0x40 });

    let (soft, mut memory) = (SoftMmio::legacy(42), Memory::new());
    let mut device = negotiated(&soft);
    let _line = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    soft.model().status_override = Some(Box::new(|_| 7));
    let (ending, error) = device.reset().poll().map(drop).unwrap_err();
    assert_eq!((error, memory.allocated()), (SetupError::ResetUnfinished { status: 7 }, 1));
    soft.model().status_override = None;
    assert!(ending.poll().is_ok(), "the second poll succeeds");
}

/// As on the modern interface.
// conformance: mmio.legacy.14, mmio.irq.1, mmio.reg.18, mmio.reg.19, mmio.reg.20
#[test]
fn interrupts_are_acknowledged_as_on_the_modern_interface() {
    let soft = SoftMmio::legacy(42);
    let interrupt = negotiated(&soft).go_live().interrupt();
    for (status, used_buffers, configuration) in
        [(0, false, false), (1, true, false), (2, false, true), (0xffff_ffff, true, true), (0xffff_fffc, false, false)]
    {
        let before = soft.written(reg::INTERRUPT_ACK).len();
        soft.model().interrupt = status;
        assert_eq!(interrupt.acknowledge(), InterruptStatus { used_buffers, configuration });
        let written = soft.written(reg::INTERRUPT_ACK)[before..].to_vec();
        assert_eq!(written, if status & 3 == 0 { vec![] } else { vec![status & 3] });
    }
}

/// The configuration space shows the status, through the 32-bit register of this interface.
#[test]
fn the_configuration_space_shows_that_the_device_was_reset() {
    let soft = SoftMmio::legacy(42);
    let device = negotiated(&soft).go_live();
    let config = device.config();
    assert_eq!(config.check(), Ok(()));
    for (status, error) in [(0, DeviceError::HostReset), (0x47, DeviceError::NeedsReset), (0xff, DeviceError::Gone)] {
        soft.model().status = status;
        assert_eq!((device.check(), config.clone().check()), (Err(error), Err(error)), "{status:#x}");
    }
}
