//! The MMIO transport through the legacy interface, on registers in software: the model panics on registers that exist in the
//! modern layout only.

mod common;

use std::alloc::Layout;
use std::collections::BTreeMap;

use aerostat_spec::reserved::feature::{AnyLayout, EventIdx, RingPacked};
use aerostat_spec::{Interface, NegotiateError, Optional, Required, WithFeature};
use aerostat_transport::queue::{Access, Element, Enabled, Interrupts, Notification, Token};
use aerostat_transport::{
    ConfigError, Device, DeviceAddress, DeviceError, Dma, DmaRegion, Either, Features, FeaturesOk, InterruptSource,
    InterruptStatus, Legacy, LegacyMmio, Mmio, MmioError, MmioNotifier, Modern, QueueError, SetupError, SetupFailed,
    Transport, VirtQueue,
};
use common::{Memory, Plain, Soft, Touch, kite, reg};

type Old = LegacyMmio<Soft>;
type Kite<S> = Device<Old, kite::Device, S>;

fn transport(soft: &Soft) -> Old {
    LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap()
}

fn negotiated<F: aerostat_spec::FeatureSet>(soft: &Soft) -> Result<Kite<FeaturesOk<F>>, SetupFailed<Old>> {
    Device::take(transport(soft))?.acknowledge().driver().negotiate()
}

fn started(soft: &Soft) -> Kite<FeaturesOk<Plain>> {
    negotiated(soft).map_err(|failed| failed.error).unwrap()
}

/// mmio.legacy.1, mmio.reg.8 to mmio.reg.11, mmio.init.1 to mmio.init.4: nothing is written while it is found out whose
/// registers these are.
#[test]
fn version_1_is_the_legacy_interface_and_no_other_version_is() {
    let soft = Soft::legacy(42);
    assert_eq!(transport(&soft).device().0, 42);
    for version in [0, 2, 3, 0x0100_0001, u32::MAX] {
        soft.model().version = version;
        let error = LegacyMmio::new(soft.clone()).map(drop).map_err(|(_, error)| error);
        assert_eq!(error, Err(MmioError::Version { expected: 1, found: version }));
    }
    assert!(soft.log().iter().all(|touch| matches!(touch, Touch::Read(..))));

    for (id, version) in [(0, 1), (0, 2)] {
        let soft = Soft::legacy(id);
        soft.model().version = version;
        let error = Mmio::either(soft.clone()).map(drop).map_err(|(_, error)| error);
        assert_eq!(error, Err(MmioError::NoDevice));
        assert_eq!(soft.log().last(), Some(&Touch::Read(reg::DEVICE_ID, 32)), "no further than that");
    }
}

#[test]
fn either_takes_the_interface_that_the_device_has() {
    let legacy = Mmio::either(Soft::legacy(42)).map_err(|(_, error)| error).unwrap();
    assert!(matches!(legacy, Either::Second(_)));
    assert_eq!((legacy.interface(), legacy.device_id().0), (Interface::Legacy, 42));
    let modern = Mmio::either(Soft::new(42)).map_err(|(_, error)| error).unwrap();
    assert!(matches!(modern, Either::First(_)));
    assert_eq!(modern.interface(), Interface::Modern);
    let soft = Soft::new(42);
    soft.model().version = 3;
    assert!(matches!(Mmio::either(soft), Err((_, MmioError::Version { found: 3, .. }))));
}

/// core.legacy-feature.2: what the interface is can be seen in the types.
#[test]
fn the_interface_is_part_of_the_type() {
    fn word<T: Transport>() -> usize {
        size_of::<Features<T>>()
    }
    fn dialect<T: Transport<InterfaceKind = D>, D>() {}
    dialect::<Old, Legacy>();
    dialect::<Mmio<Soft>, Modern>();
    dialect::<Either<Mmio<Soft>, Old>, Either<Modern, Legacy>>();
    assert_eq!((word::<Old>(), word::<Mmio<Soft>>(), word::<Either<Mmio<Soft>, Old>>()), (4, 8, 8));
    let soft = Soft::legacy(42);
    let device = started(&soft);
    assert_eq!(device.interface(), Interface::Legacy);
    assert_eq!(device.go_live().interface(), Interface::Legacy);
}

/// core.legacy-init.1, core.legacy-init.2, core.init.*, mmio.legacy.2 to mmio.legacy.10, mmio.legacy.13, mmio.vq-config.1: the
/// whole life, access by access.
#[test]
fn a_device_comes_to_life_in_the_order_of_the_legacy_interface() {
    use Touch::{Read, Write};
    let (soft, mut memory) = (Soft::legacy(42), Memory::new());
    let mut device = started(&soft);
    let reel = device.queue::<_, 8>(kite::queue::Reel, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut reel = reel.enable(&device);
    assert_eq!(reel.notify(), Notification::Sent);
    let pfn = soft.model().queues[1].pfn;
    let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
    reel.release(&proof, &mut memory).unwrap();
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
    let log: Vec<Touch> = soft.log().into_iter().filter(|touch| *touch != Read(reg::STATUS, 32)).collect();
    assert_eq!(log, expected);
    assert_eq!(memory.lent(), 0);
}

/// core.legacy-reserved.1, core.legacy-reserved.2, core.feature.1, core.feature.7: ANY_LAYOUT whenever it is offered, bit 30
/// and what the driver did not declare never; the bits above 31 are not even selected.
#[test]
fn features_have_32_bits_of_which_bit_30_is_never_accepted() {
    type Everything = <<Plain as WithFeature<AnyLayout, Optional>>::Out as WithFeature<EventIdx, Optional>>::Out;
    for (offered, accepted) in [
        (u64::MAX, 1 << 27 | 1 << 29),
        (!(1 << 27), 1 << 29),
        (1 << 27, 1 << 27),
        (1 << 30, 0),
        (1 << 30 | 1 << 27, 1 << 27),
        (0, 0),
    ] {
        let soft = Soft::legacy(42);
        soft.model().offered = offered;
        let device = negotiated::<Everything>(&soft).map_err(|failed| failed.error).unwrap();
        assert_eq!((soft.model().accepted, device.accepted().offered()), (accepted, offered & 0xffff_ffff));
        assert_eq!(
            (soft.written(reg::DEVICE_FEATURES_SEL), soft.written(reg::DRIVER_FEATURES_SEL)),
            (vec![0], vec![0])
        );
    }
}

/// core.feature.10, core.init.12: a feature that the interface cannot carry is missing, and the device is given up.
#[test]
fn a_required_feature_of_the_modern_interface_fails() {
    type Packed = <Plain as WithFeature<RingPacked, Required>>::Out;
    let soft = Soft::legacy(42);
    soft.model().offered = u64::MAX;
    let error = negotiated::<Packed>(&soft).unwrap_err().error;
    assert!(matches!(error, SetupError::Negotiate(NegotiateError::NotOffered { .. })), "{error:?}");
    assert_eq!(soft.statuses().last(), Some(&0x83));
    assert!(soft.written(reg::DRIVER_FEATURES).is_empty());
}

/// ring.split.legacy-layout.1 to ring.split.legacy-layout.4, mmio.legacy.6, mmio.legacy.7, mmio.vq-config.4: descriptors,
/// available ring, padding to 4096, used ring; all of it in one zeroed piece.
#[test]
fn the_ring_is_laid_out_as_the_legacy_interface_has_it() {
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
        let (soft, mut memory) = (Soft::legacy(42), Memory::new());
        soft.model().queues[0].max = max;
        let mut device = started(&soft);
        let line = device.queue::<_, 512>(kite::queue::Line, 1, &mut memory).unwrap();
        let queue = soft.model().queues[0];
        assert_eq!((queue.size, queue.align, soft.model().page_size), (size, 4096, 4096), "{max}");
        let start = u64::from(queue.pfn) * 4096;
        assert_eq!(memory.lent_at(start), Some(total), "{max}");
        assert!(memory.bytes(start, total).iter().all(|byte| *byte == 0), "{max}");
        // The first used entry is looked for where the layout has it.
        let device = device.go_live();
        let mut line = line.enable(&device);
        // SAFETY: the device touches no buffer.
        let token = unsafe { line.add(&[element(16)]) }.unwrap();
        assert_eq!(memory.read_native16(start + 16 * u64::from(size) + 2), 1, "the available index");
        give(Interface::Legacy, &memory, start + used, token.index() as u32, 3);
        assert_eq!(line.pop().map(|used| used.map(|used| (used.token, used.written))), Ok(Some((token, 3))));
        // With flags for events, interrupts are turned off in front of the available ring.
        line.set_interrupts(Interrupts::Disabled);
        assert_eq!(memory.read_native16(start + 16 * u64::from(size)), 1);
    }
}

fn element(len: u32) -> Element {
    Element { address: DeviceAddress(0x40_0000), len, access: Access::DeviceWrites }
}

/// The device gives the first buffer back, through an interface: it says which one, and how much of it was written.
fn give(interface: Interface, memory: &Memory, used: u64, id: u32, len: u32) {
    let (to32, to16): (fn(u32) -> [u8; 4], fn(u16) -> [u8; 2]) = match interface {
        Interface::Modern => (u32::to_le_bytes, u16::to_le_bytes),
        Interface::Legacy => (u32::to_ne_bytes, u16::to_ne_bytes),
    };
    memory.write(used + 4, &to32(id));
    memory.write(used + 8, &to32(len));
    memory.write(used + 2, &to16(1));
}

/// Memory whose physical addresses are chosen: no device reaches it.
struct Placed {
    memory: Memory,
    physical: u64,
    lent: BTreeMap<u64, DmaRegion>,
}

// SAFETY: the device of these tests is a model that reaches no memory, whatever its address.
unsafe impl Dma for Placed {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let region = self.memory.alloc(layout)?;
        let start = region.as_ptr();
        self.lent.insert(self.physical, region);
        // SAFETY: as above.
        Some(unsafe { DmaRegion::new(start, self.physical, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let whole = self.lent.remove(&region.physical()).expect("it was lent");
        self.memory.free(whole);
    }
}

/// mmio.legacy.10, mmio.legacy.11: an address that the register cannot express is an error, and the memory is back.
#[test]
fn a_ring_that_the_register_cannot_point_to_is_refused() {
    let last = (1 << 44) - 4096;
    for physical in [0, 1, 16, 4095, 0x1800, 0x10_0010, last + 16, 1 << 44, (1 << 44) + 4096, !0xfff, u64::MAX] {
        let soft = Soft::legacy(42);
        let mut device = started(&soft);
        let mut placed = Placed { memory: Memory::new(), physical, lent: BTreeMap::new() };
        let line = device.queue::<_, 8>(kite::queue::Line, 1, &mut placed).map(drop);
        assert_eq!(line, Err(QueueError::Address { queue: 0, address: physical }));
        assert_eq!((placed.memory.lent(), soft.written(reg::QUEUE_PFN)), (0, vec![]), "{physical:#x}");
        // With memory elsewhere it works.
        placed.physical = 0x1000;
        assert!(device.queue::<_, 8>(kite::queue::Line, 1, &mut placed).is_ok());
        assert_eq!((soft.written(reg::QUEUE_PFN), placed.memory.lent()), (vec![1], 1));
    }
    let soft = Soft::legacy(42);
    let mut placed = Placed { memory: Memory::new(), physical: last, lent: BTreeMap::new() };
    assert!(started(&soft).queue::<_, 8>(kite::queue::Line, 1, &mut placed).is_ok());
    assert_eq!(soft.written(reg::QUEUE_PFN), [0xffff_ffff], "the last page of all");
}

/// mmio.legacy.4, mmio.legacy.5, mmio.vq-config.3: a queue that is in use is left alone, and its size is not asked for. (The
/// register file panics where it is.)
#[test]
fn a_queue_that_is_in_use_or_not_there_is_refused() {
    let (soft, mut memory) = (Soft::legacy(42), Memory::new());
    let mut device = started(&soft);
    for pfn in [1, 0x8000_0000, u32::MAX] {
        soft.model().queues[0].pfn = pfn;
        let line = device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).map(drop);
        assert_eq!(line, Err(QueueError::InUse { queue: 0 }));
    }
    soft.model().queues[1].max = 0;
    let reel = device.queue::<_, 8>(kite::queue::Reel, 1, &mut memory).map(drop);
    assert_eq!(reel, Err(QueueError::Missing { queue: 1 }));
    assert_eq!((memory.lent(), soft.written(reg::QUEUE_PFN)), (0, vec![]));
}

/// core.config.1, core.legacy-config.2: without a generation count, what takes two accesses is read until two values agree.
#[test]
fn a_field_of_64_bits_is_read_until_two_values_agree() {
    let soft = Soft::legacy(42);
    let device = started(&soft).go_live();
    let config = device.config();
    let read = |soft: &Soft| {
        let start = soft.log().len();
        let value = config.read(kite::config::Age);
        (value, soft.log().len() - start)
    };
    soft.model().config[8..16].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(read(&soft), (Ok(0x0807_0605_0403_0201), 4), "two reads of two halves");

    // It counts up between the halves of the first reads, so that the halves do not belong together.
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
    assert_eq!(accesses, 8, "no more than it takes for two values to agree");

    let mut reads = 0_u32;
    soft.model().on_config_read = Some(Box::new(move |config, _| {
        reads += 1;
        config[8..12].copy_from_slice(&reads.to_le_bytes());
    }));
    let start = soft.log().len();
    let error = config.read(kite::config::Age).unwrap_err();
    assert!(matches!(error, ConfigError::Unstable { field: "age", .. }));
    assert!(soft.log().len() - start < 1000, "within a limit");
}

/// core.legacy-config.1, mmio.legacy.13: fields of up to 32 bits take one access. (There is no generation count to be read.)
#[test]
fn smaller_fields_are_read_once() {
    let soft = Soft::legacy(42);
    soft.model().config[..23].copy_from_slice(&std::array::from_fn::<u8, 23, _>(|byte| byte as u8 + 1));
    let device = started(&soft).go_live();
    let (config, start) = (device.config(), soft.log().len());
    assert_eq!(config.read(kite::config::Height), Ok(0x0403_0201));
    assert_eq!(config.read(kite::config::Knots), Ok(0x1615));
    assert_eq!(config.read(kite::config::Bows), Ok(0x17));
    config.write(kite::config::Colour, 0xaabb_ccdd).unwrap();
    let expected =
        [Touch::Read(0x100, 32), Touch::Read(0x114, 16), Touch::Read(0x116, 8), Touch::Write(0x104, 32, 0xaabb_ccdd)];
    assert_eq!(soft.log()[start..], expected);
}

/// A live kite with a line of 4, over either interface.
struct Flown<T: Transport<Notifier = MmioNotifier<Soft>>> {
    memory: Memory,
    _device: Device<T, kite::Device, aerostat_transport::Live<Plain>>,
    line: VirtQueue<MmioNotifier<Soft>, 4, Enabled>,
    used: u64,
}

fn flown<T: Transport<Notifier = MmioNotifier<Soft>>>(soft: &Soft, transport: T) -> Flown<T> {
    let mut memory = Memory::new();
    let device = Device::take(transport).map_err(|failed| failed.error).unwrap().acknowledge().driver();
    let mut device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap();
    let line = device.queue::<_, 4>(kite::queue::Line, 1, &mut memory).unwrap();
    let device = device.go_live();
    let line = line.enable(&device);
    let used = soft.model().queues[0].addresses[2];
    Flown { memory, _device: device, line, used }
}

/// ring.split.legacy-used.1: many old devices report a wrong length, which is cut to what the buffer has; on the modern
/// interface it is an error.
#[test]
fn a_used_length_that_is_too_long_is_an_error_on_the_modern_interface_only() {
    for length in [17, 4096, u32::MAX] {
        let soft = Soft::legacy(42);
        let mut kite = flown(&soft, transport(&soft));
        // SAFETY: the device touches no buffer.
        let token = unsafe { kite.line.add(&[element(16)]) }.unwrap();
        give(Interface::Legacy, &kite.memory, kite.used, token.index() as u32, length);
        assert_eq!(kite.line.pop().map(|used| used.map(|used| used.written)), Ok(Some(16)));
        assert_eq!((kite.line.free(), kite.line.in_flight()), (4, 0));

        let soft = Soft::new(42);
        let mut kite = flown(&soft, Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap());
        // SAFETY: as above.
        let token = unsafe { kite.line.add(&[element(16)]) }.unwrap();
        give(Interface::Modern, &kite.memory, kite.used, token.index() as u32, length);
        let error = DeviceError::LengthTooLong { queue: 0, id: 0, length, capacity: 16 };
        assert_eq!((kite.line.pop(), kite.line.in_flight()), (Err(error), 1));
    }
}

/// Of a buffer that the device only reads nothing is written, whatever it says.
#[test]
fn a_used_length_of_a_buffer_that_is_only_read_means_nothing() {
    let soft = Soft::legacy(42);
    let mut kite = flown(&soft, transport(&soft));
    let reads = Element { access: Access::DeviceReads, ..element(16) };
    // SAFETY: the device touches no buffer.
    let token = unsafe { kite.line.add(&[reads]) }.unwrap();
    give(Interface::Legacy, &kite.memory, kite.used, token.index() as u32, u32::MAX);
    assert_eq!(kite.line.pop().map(|used| used.map(|used| used.written)), Ok(Some(0)));
}

/// Tolerance goes no further than lengths: ids and indexes are held against what the device holds.
#[test]
fn lies_of_a_legacy_device_are_errors_and_give_nothing_back() {
    for (id, length) in [(1, 0), (4, u32::MAX), (0x1_0000, 0), (u32::MAX, 16)] {
        let soft = Soft::legacy(42);
        let mut kite = flown(&soft, transport(&soft));
        // SAFETY: the device touches no buffer.
        unsafe { kite.line.add(&[element(16)]) }.unwrap();
        give(Interface::Legacy, &kite.memory, kite.used, id, length);
        assert_eq!(kite.line.pop(), Err(DeviceError::NotOutstanding { queue: 0, id }));
        assert_eq!((kite.line.in_flight(), kite.line.notify()), (1, Notification::Suppressed));
    }
    for to in [2, 0x8000, u16::MAX] {
        let soft = Soft::legacy(42);
        let mut kite = flown(&soft, transport(&soft));
        // SAFETY: as above.
        let _: Token = unsafe { kite.line.add(&[element(16)]) }.unwrap();
        kite.memory.write(kite.used + 2, &u16::to_ne_bytes(to));
        assert_eq!(kite.line.pop(), Err(DeviceError::IndexJumped { queue: 0, from: 0, to, in_flight: 1 }));
    }
}

/// core.reset.1, core.cleanup.2: a device that does not finish its reset keeps what it was lent.
#[test]
fn a_reset_that_does_not_finish_is_an_error() {
    let soft = Soft::legacy(42);
    soft.model().status_lie = Some(Box::new(|_| 0x40));
    let failed = Device::<_, kite::Device, _>::take(transport(&soft)).unwrap_err();
    assert_eq!(failed.error, SetupError::ResetUnfinished { status: 0x40 });

    let (soft, mut memory) = (Soft::legacy(42), Memory::new());
    let mut device = started(&soft);
    let _line = device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).unwrap();
    let device = device.go_live();
    soft.model().status_lie = Some(Box::new(|_| 7));
    let (device, error) = device.reset_at_once().map(drop).unwrap_err();
    assert_eq!((error, memory.lent()), (SetupError::ResetUnfinished { status: 7 }, 1));
    soft.model().status_lie = None;
    assert!(device.reset().is_ok(), "asked once more, it does");
}

/// mmio.legacy.14, mmio.irq.1, mmio.reg.18 to mmio.reg.20: as on the modern interface.
#[test]
fn interrupts_are_acknowledged_as_on_the_modern_interface() {
    let soft = Soft::legacy(42);
    let interrupt = started(&soft).go_live().interrupt();
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
