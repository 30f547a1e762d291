//! The PCI transport, legacy interface, on a software I/O BAR.

use std::rc::Rc;

use aerostat_spec::Interface;
use aerostat_test_support::legacy_ports::{LegacyPorts, reg};
use aerostat_test_support::{Bar, BarRegisters, Memory, Plain, RegisterAccess, SoftPci, test_device};
use aerostat_transport::pci::{BarRange, LegacyPci, Message, Msix, PciError, QueueVectors, Routing, Space, Vector};
use aerostat_transport::pci_types::PciAddress;
use aerostat_transport::queue::{Access, AddError, Element, Notification};
use aerostat_transport::{
    BusError, Device, DeviceAddress, DeviceError, Either, FeaturesOk, InterruptSource, InterruptStatus, Pci,
    QueueError, SetupError, SetupFailed, Transport,
};

/// Where the I/O BAR is, and where the MSI-X table is.
const PORTS: u32 = 0xc000;
const TABLE_BAR: u32 = 0xfd00_0000;

/// What is behind the BARs of a function that may have both interfaces.
type Both = Either<BarRegisters, LegacyPorts>;
type Fixture<S> = Device<LegacyPci<Both, SoftPci>, test_device::Device, S>;

/// A function with an I/O BAR of `len` ports, of a transitional device without capabilities.
fn transitional(len: u32) -> SoftPci {
    let function = SoftPci::bare();
    transitional_ids(&function);
    function.config().set_bar(0, Bar::Ports { address: PORTS, len });
    function
}

fn transitional_ids(function: &SoftPci) {
    let config = &mut *function.config();
    config.bytes[2..4].copy_from_slice(&0x1009_u16.to_le_bytes());
    config.bytes[8] = 0;
    config.bytes[0x2e] = 42;
}

/// Adds MSI-X with a table of this many entries in a BAR of its own, and enables it.
fn messages(function: &SoftPci, old: &LegacyPorts, entries: u16) -> Msix<Both> {
    function.config().set_bar(1, Bar::Memory32 { address: TABLE_BAR, len: 0x8000 });
    function.device.borrow_mut().bar = u64::from(TABLE_BAR) - u64::from(aerostat_test_support::soft_pci::TABLE);
    let at = function.capability(0x11, 12);
    function.config().bytes[usize::from(at) + 2..usize::from(at) + 4].copy_from_slice(&(entries - 1).to_le_bytes());
    function.config().put(at + 4, 1);
    old.model().vectors = Some(entries);
    Msix::enable(&function.reach(), &mut mapper(function, old)).unwrap().unwrap()
}

fn message(data: u32) -> Message {
    // SAFETY: the device of these tests does not write the message.
    unsafe { Message::new(0xfee0_0000, data) }
}

/// Maps memory BARs and I/O BARs.
fn mapper(function: &SoftPci, old: &LegacyPorts) -> impl FnMut(BarRange) -> Option<Both> + use<> {
    let (mut memory, old) = (function.mapper(&Rc::default()), old.clone());
    move |range| match range.space {
        Space::Memory => memory(range).map(Either::First),
        Space::Ports => Some(Either::Second(old.clone())),
    }
}

fn negotiate(
    function: &SoftPci,
    old: &LegacyPorts,
    routing: Routing,
) -> Result<Fixture<FeaturesOk<Plain>>, SetupFailed<LegacyPci<Both, SoftPci>>> {
    let transport = LegacyPci::new(&function.reach(), &mut mapper(function, old), routing).unwrap();
    Device::take(transport)?.poll()?.acknowledge().driver().negotiate()
}

fn negotiated(function: &SoftPci, old: &LegacyPorts, routing: Routing) -> Fixture<FeaturesOk<Plain>> {
    negotiate(function, old, routing).map_err(|failed| failed.error).unwrap()
}

fn element(at: u64) -> Element {
    Element { address: DeviceAddress(0x40_0000 + 0x100 * at), len: 16, access: Access::DeviceWrites }
}

/// The life cycle, access by access.
// conformance: core.legacy-init.1, core.legacy-init.2, pci.legacy-layout.1, pci.legacy-layout.4, pci.legacy-layout.5
// conformance: pci.vq-config.1, pci.legacy-vq.2, pci.notify.1, pci.notify.3
#[test]
fn a_device_is_set_up_in_the_order_of_the_legacy_interface() {
    use RegisterAccess::{Read, Write};
    let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
    old.model().offered = u32::MAX;
    let mut device = negotiated(&function, &old, Routing::Line);
    assert_eq!(device.interface(), Interface::Legacy);
    let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    assert_eq!(queue1.notify(), Notification::Sent);
    let pfn = old.model().queues[1].pfn;
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
    let expected = [
        Write(reg::STATUS, 8, 0),
        Write(reg::STATUS, 8, 1),
        Write(reg::STATUS, 8, 3),
        Read(reg::DEVICE_FEATURES, 32),
        Write(reg::DRIVER_FEATURES, 32, 1 << 27),
        Write(reg::QUEUE_SELECT, 16, 1),
        Read(reg::QUEUE_SIZE, 16),
        Read(reg::QUEUE_ADDRESS, 32),
        Write(reg::QUEUE_SELECT, 16, 1),
        Write(reg::QUEUE_ADDRESS, 32, pfn),
        Write(reg::STATUS, 8, 7),
        Write(reg::QUEUE_NOTIFY, 16, 1),
        Write(reg::STATUS, 8, 0),
    ];
    let log: Vec<RegisterAccess> =
        old.model().log.iter().filter(|access| **access != Read(reg::STATUS, 8)).copied().collect();
    assert_eq!(log, expected);
    assert_eq!(memory.allocated(), 0);
    assert_eq!(
        function.command() & (aerostat_test_support::soft_pci::IO | aerostat_test_support::soft_pci::MASTER),
        1,
        "I/O space, and no bus master after the end"
    );
    function.assert_careful();
}

/// The ring has the size that the device reports, regardless of what the driver wants, so descriptors may stay
/// unused.
// conformance: ring.split.legacy-layout.1, ring.split.legacy-layout.2, pci.vq-config.4, pci.legacy-vq.1
// conformance: pci.legacy-vq.3
#[test]
fn the_device_chooses_the_size_of_a_queue() {
    for (size, used, total) in
        [(1, 4096, 8192), (2, 4096, 8192), (8, 4096, 8192), (256, 8192, 12288), (4096, 77824, 114_688)]
    {
        let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
        old.model().queues[0].size = size;
        let mut device = negotiated(&function, &old, Routing::Line);
        let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
        let start = u64::from(old.model().queues[0].pfn) * 4096;
        assert_eq!((queue0.free(), memory.allocation_at(start)), (usize::from(size.min(4)), Some(total)), "{size}");
        assert!(memory.bytes(start, total).iter().all(|byte| *byte == 0), "{size}");
        let device = device.go_live();
        let mut queue0 = queue0.enable(&device);
        for buffer in 0..queue0.free() {
            // SAFETY: the device does not access buffers.
            unsafe { queue0.add(&[element(buffer as u64)]) }.unwrap();
        }
        // SAFETY: as above.
        assert!(matches!(unsafe { queue0.add(&[element(9)]) }, Err(AddError::Full { .. })));
        // More turns of the available ring than it has entries, at the places that belong to the size of the device.
        for index in 0..2 * u32::from(size) {
            let avail = start + 16 * u64::from(size);
            let head = memory.read_native16(avail + 4 + 2 * u64::from(index % u32::from(size)));
            let at = start + used + 4 + 8 * u64::from(index % u32::from(size));
            memory.write(at, &u32::from(head).to_ne_bytes());
            memory.write(at + 4, &1_u32.to_ne_bytes());
            memory.write(start + used + 2, &((index + 1) as u16).to_ne_bytes());
            let back = queue0.pop().unwrap().unwrap();
            assert_eq!((back.token.index(), back.written), (usize::from(head), 1), "{size}: {index}");
            // SAFETY: as above.
            unsafe { queue0.add(&[element(u64::from(head))]) }.unwrap();
        }
    }
}

/// Sizes that no split ring has, and queues that are not there or in use.
// conformance: ring.split.layout.4, ring.split.layout.5, pci.vq-config.2
#[test]
fn an_invalid_queue_is_rejected_and_its_memory_freed() {
    let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
    let mut device = negotiated(&function, &old, Routing::Line);
    let mut queue = |size, pfn| {
        (old.model().queues[0].size, old.model().queues[0].pfn) = (size, pfn);
        device.queue::<_, 8>(test_device::queue::Queue0, 2, &mut memory).map(drop)
    };
    for size in [3, 6, 255, 0x8001, 0xffff] {
        assert_eq!(queue(size, 0), Err(QueueError::Size { queue: 0, size }));
    }
    assert_eq!(queue(0, 0), Err(QueueError::Missing { queue: 0 }));
    assert_eq!(queue(0, 7), Err(QueueError::Missing { queue: 0 }));
    assert_eq!(queue(8, 7), Err(QueueError::InUse { queue: 0 }));
    assert_eq!(queue(8, 0x8000_0000), Err(QueueError::InUse { queue: 0 }));
    assert_eq!(queue(1, 0), Err(QueueError::TooSmall { queue: 0, size: 1, needed: 2 }));
    assert!(matches!(queue(0x8000, 0), Ok(())), "the largest");
    assert_eq!(old.written(reg::QUEUE_ADDRESS).len(), 1);
    let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
    memory.fail_after(0);
    let rejected =
        negotiated(&function, &old, Routing::Line).queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).map(drop);
    assert_eq!(rejected, Err(QueueError::NoMemory { queue: 0, bytes: 8192 }));
    assert!(old.written(reg::QUEUE_ADDRESS).is_empty());
}

/// Behind 20 bytes of registers, and behind 24 while MSI-X is enabled.
// conformance: pci.legacy-layout.2, pci.legacy-layout.3
#[test]
fn the_configuration_of_the_device_follows_the_registers() {
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let device = negotiated(&function, &old, Routing::Line).go_live();
    assert_eq!(device.config().read(test_device::config::Write32), Ok(0x0706_0504));
    assert_eq!(device.config().read(test_device::config::Read64), Ok(0x0f0e_0d0c_0b0a_0908));
    assert_eq!(device.config().read(test_device::config::Write16), Ok(0x1514));
    assert!(old.model().log.contains(&RegisterAccess::Read(24, 32)));

    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let mut msix = messages(&function, &old, 2);
    let configuration = msix.add(message(0)).unwrap();
    let queues = QueueVectors::shared(configuration);
    let device = negotiated(&function, &old, Routing::Messages { configuration, queues }).go_live();
    assert_eq!(device.config().read(test_device::config::Write32), Ok(0x0706_0504));
    assert!(
        old.model().log.contains(&RegisterAccess::Read(28, 32))
            && !old.model().log.contains(&RegisterAccess::Read(24, 32))
    );
}

/// A kernel whose PCI layer has programmed the table and enabled MSI-X: the driver uses its entries and writes neither.
#[test]
fn entries_that_the_kernel_has_programmed_are_used() {
    let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
    old.model().vectors = Some(8);
    let address = function.reach().address();
    // SAFETY: the model sends no messages.
    let [configuration, first, second, other] = [3, 4, 5, 7].map(|number| unsafe { Vector::adopt(address, number) });
    // SAFETY: as above.
    let elsewhere = unsafe { Vector::adopt(PciAddress::new(0, 0, 4, 0), 6) };
    assert_eq!(QueueVectors::each([]), None);
    for gap in [[first, other], [second, first], [first, first], [second, elsewhere]] {
        assert_eq!(QueueVectors::each(gap), None, "{gap:?}");
    }
    let queues = QueueVectors::each([first, second]).unwrap();
    let mut device = negotiated(&function, &old, Routing::Messages { configuration, queues });
    let _queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let _queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
    let model = old.model();
    assert_eq!((model.config_vector, model.queues[0].vector, model.queues[1].vector), (3, 4, 5));
    drop(model);
    // Only the command register and BARs were written.
    function.assert_careful();
}

/// A configuration space that ends early, or is not there at all.
#[test]
fn a_field_behind_the_end_of_the_bar_is_an_error() {
    for (len, read32, read64) in [(0x20, true, false), (0x18, true, false), (0x17, false, false), (0x24, true, true)] {
        let (function, old) = (transitional(0x40), LegacyPorts::new());
        old.model().len = len;
        let device = negotiated(&function, &old, Routing::Line);
        assert_eq!(device.config().read(test_device::config::Read32).is_ok(), read32, "{len:#x}");
        assert_eq!(device.config().read(test_device::config::Read64).is_ok(), read64, "{len:#x}");
    }
}

/// Read back, before the queue is enabled; a vector that was rejected is an error, with all memory back.
// conformance: pci.msix.4, pci.msix.5
#[test]
fn vectors_are_set_and_read_back() {
    let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
    let mut msix = messages(&function, &old, 4);
    let configuration = msix.add(message(0)).unwrap();
    let queues = msix.add_each([message(1), message(2)]).unwrap();
    let routing = Routing::Messages { configuration, queues };
    let mut device = negotiated(&function, &old, routing);
    let _line = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let _reel = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
    let model = old.model();
    assert_eq!((model.config_vector, model.queues[0].vector, model.queues[1].vector), (0, 1, 2));
    let place = |access| model.log.iter().position(|one| *one == access).unwrap();
    for (vector, register) in [(0, reg::CONFIG_VECTOR), (1, reg::QUEUE_VECTOR), (2, reg::QUEUE_VECTOR)] {
        let written = place(RegisterAccess::Write(register, 16, vector));
        assert_eq!(model.log[written + 1], RegisterAccess::Read(register, 16));
    }
    assert!(
        place(RegisterAccess::Write(reg::QUEUE_VECTOR, 16, 1))
            < place(RegisterAccess::Write(reg::QUEUE_ADDRESS, 32, model.queues[0].pfn))
    );
    drop(model);

    old.model().vectors = Some(0);
    let failed = negotiate(&function, &old, routing).unwrap_err();
    assert_eq!(failed.error, SetupError::Bus(BusError::Vector { vector: 0 }));
    assert_eq!(old.written(reg::STATUS).last(), Some(&0x83));
    old.model().vectors = Some(2);
    let (mut device, mut memory) = (negotiated(&function, &old, routing), Memory::new());
    let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop);
    assert_eq!(queue1, Err(QueueError::Vector { queue: 1, vector: 2 }));
    assert_eq!((memory.allocated(), old.model().queues[1].pfn), (0, 0));
}

/// One vector for each queue until the table is full; the other queues share the last one.
// conformance: pci.msix.1, pci.msix.2, pci.msix.3
#[test]
fn queues_have_a_vector_each_as_far_as_the_table_goes() {
    for (entries, given, first, expected) in
        [(3, 2, 1, [1, 2]), (2, 2, 1, [1, 1]), (4, 1, 1, [1, 1]), (2048, 9, 1, [1, 2]), (1, 0, 0, [0, 0])]
    {
        for legacy in [true, false] {
            let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
            let mut msix = messages(&function, &old, entries);
            let configuration = msix.add(message(0)).unwrap();
            // A full table has no entry left for the queues, which share the last vector.
            let each = msix.add_each((0..given).map(message));
            assert_eq!(each.is_some(), given > 0);
            let queues = each.unwrap_or(QueueVectors::shared(configuration));
            assert!(msix.add_each([]).is_none(), "without a message there is no vector");
            let routing = Routing::Messages { configuration, queues };
            let vectors = if legacy {
                let mut device = negotiated(&function, &old, routing);
                let _line = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
                let _reel = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
                [0, 1].map(|queue| old.model().queues[queue].vector)
            } else {
                let function = SoftPci::with_structures();
                let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), routing).unwrap();
                let device =
                    Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Plain>();
                let mut device: Device<_, test_device::Device, _> = device.unwrap();
                let _line = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
                let _reel = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
                let model = function.device.borrow();
                [model.queues[0].vector, model.queues[1].vector]
            };
            assert_eq!(vectors, expected, "{entries} entries, {given} messages from {first} on, legacy: {legacy}");
        }
    }
}

#[test]
fn a_full_table_has_no_vector_for_queues() {
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let mut msix = messages(&function, &old, 2);
    assert!(msix.add_each((0..5).map(message)).is_some());
    assert_eq!(msix.add_each([message(9)]), None);
    assert_eq!(msix.add(message(9)), None);
}

// conformance: pci.irq.1, pci.irq.2, pci.irq.3, pci.isr.1
#[test]
fn the_isr_status_is_read_with_intx() {
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let interrupt = negotiated(&function, &old, Routing::Line).go_live().interrupt();
    for (isr, used_buffers, configuration) in
        [(0, false, false), (1, true, false), (2, false, true), (0xff, true, true)]
    {
        old.model().isr = isr;
        assert_eq!(interrupt.acknowledge(), InterruptStatus { used_buffers, configuration });
    }
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let mut msix = messages(&function, &old, 1);
    let configuration = msix.add(message(0)).unwrap();
    let routing = Routing::Messages { configuration, queues: QueueVectors::shared(configuration) };
    let interrupt = negotiated(&function, &old, routing).go_live().interrupt();
    assert_eq!(interrupt.acknowledge(), InterruptStatus::ANY);
    assert!(!old.model().log.contains(&RegisterAccess::Read(reg::ISR, 8)));
}

/// Transitional ids and revision 0, and a first BAR in I/O space with room for the registers.
// conformance: pci.legacy-layout.1, pci.layout-detect.2
#[test]
fn a_function_without_the_legacy_interface_is_rejected() {
    let take = |function: &SoftPci| {
        let mut map = |_: BarRange| Some(LegacyPorts::new());
        LegacyPci::new(&function.reach(), &mut map, Routing::Line).map(|found| found.device_id().0)
    };
    assert_eq!(take(&transitional(0x40)), Ok(42));
    for id in [0x1000_u16, 0x103f] {
        let function = transitional(0x40);
        function.config().bytes[2..4].copy_from_slice(&id.to_le_bytes());
        assert_eq!(take(&function), Ok(42), "{id:#x}");
    }
    for (id, error) in
        [(0x0fff_u16, PciError::NotVirtio), (0x1040, PciError::NotVirtio), (0x106a, PciError::NoLegacyInterface)]
    {
        let function = transitional(0x40);
        function.config().bytes[2..4].copy_from_slice(&id.to_le_bytes());
        assert_eq!(take(&function), Err(error), "{id:#x}");
    }
    for revision in [1, 0x10, 0xff] {
        let function = transitional(0x40);
        function.config().bytes[8] = revision;
        assert_eq!(take(&function), Err(PciError::NoLegacyInterface), "revision {revision}");
    }
    for bar in [
        Bar::Unavailable,
        Bar::Memory32 { address: 0xfe00_0000, len: 0x1000 },
        Bar::Memory64 { address: 0xfe00_0000, len: 0x1000 },
        // Too short, without an address, and one that wraps around.
        Bar::Ports { address: PORTS, len: 4 },
        Bar::Ports { address: PORTS, len: 16 },
        Bar::Ports { address: 0, len: 0x40 },
        Bar::Raw { value: 0xffff_fffd, writable: 0 },
        Bar::Raw { value: 1, writable: 0 },
        Bar::Raw { value: 0xffff_ffff, writable: u32::MAX },
    ] {
        let function = transitional(0x40);
        function.config().set_bar(0, bar);
        assert_eq!(take(&function), Err(PciError::NoLegacyInterface), "{bar:?}");
        assert_eq!(function.command() & aerostat_test_support::soft_pci::MASTER, 0, "the function is not enabled");
    }
    let function = transitional(0x40);
    function.config().bytes[..2].copy_from_slice(&0x8086_u16.to_le_bytes());
    assert_eq!(take(&function), Err(PciError::NotVirtio));
}

/// The device chooses the length of its BAR: what is mapped is bounded.
#[test]
fn the_mapped_range_is_bounded() {
    for (writable, len) in
        [(0xffff_fff0_u32, 0x10_u64), (0xffff_0000, 0x1_0000), (0xfffe_0000, 0x1_0000), (1 << 31, 0x1_0000)]
    {
        let (function, mut mapped) = (transitional(0x40), vec![]);
        let value = 1 << 31 | 1;
        function.config().set_bar(0, Bar::Raw { value, writable });
        let mut map = |range: BarRange| {
            mapped.push((range.space, range.address, range.len));
            Some(LegacyPorts::new())
        };
        let found = LegacyPci::new(&function.reach(), &mut map, Routing::Line).map(drop);
        let is_long_enough = len >= 20;
        assert_eq!(found, if is_long_enough { Ok(()) } else { Err(PciError::NoLegacyInterface) }, "{writable:#x}");
        assert_eq!(mapped, if is_long_enough { vec![(Space::Ports, 1 << 31, len)] } else { vec![] }, "{writable:#x}");
    }
}

/// An earlier driver may have left bus mastering enabled.
#[test]
fn bus_mastering_is_disabled_before_the_bar_is_probed() {
    use aerostat_test_support::soft_pci::MASTER;
    let function = transitional(0x40);
    function.config().bytes[4] |= MASTER as u8;
    let transport = LegacyPci::new(&function.reach(), &mut mapper(&function, &LegacyPorts::new()), Routing::Line);
    assert_eq!((transport.map(drop), function.command() & MASTER), (Ok(()), 0));
    function.assert_careful();
}

#[test]
fn a_bar_that_is_not_mapped_or_too_short_is_an_error() {
    let function = transitional(0x40);
    let range = BarRange { space: Space::Ports, address: u64::from(PORTS), len: 0x40 };
    let rejected = LegacyPci::new(&function.reach(), &mut |_: BarRange| None::<LegacyPorts>, Routing::Line).map(drop);
    assert_eq!(rejected, Err(PciError::Unmapped { range }));
    for len in [0, 1, 16, 17, 18, 19] {
        let old = LegacyPorts::new();
        old.model().len = len;
        let mut map = |_: BarRange| Some(old.clone());
        let rejected = LegacyPci::new(&function.reach(), &mut map, Routing::Line).map(drop);
        assert_eq!(rejected, Err(PciError::Unmapped { range }), "{len}");
        assert!(old.model().log.is_empty());
    }
}

/// The mapped range does not have the vector registers: vectors are rejected, and nothing outside is accessed.
#[test]
fn vectors_outside_the_mapped_range_are_rejected() {
    for len in [20, 21, 22, 23] {
        let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
        let mut msix = messages(&function, &old, 1);
        let configuration = msix.add(message(0)).unwrap();
        let routing = Routing::Messages { configuration, queues: QueueVectors::shared(configuration) };
        old.model().len = len;
        let cut = |range: BarRange| {
            let io = mapper(&function, &old)(range)?;
            aerostat_transport::Window::new(io, 0, if range.space == Space::Ports { len } else { 16 }).ok()
        };
        let transport = LegacyPci::new(&function.reach(), &mut { cut }, routing).unwrap();
        let device =
            Device::<_, test_device::Device, _>::take(transport).unwrap().poll().unwrap().acknowledge().driver();
        match device.negotiate::<Plain>() {
            Err(failed) => assert_eq!(failed.error, SetupError::Bus(BusError::Vector { vector: 0 })),
            Ok(mut device) => {
                let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).map(drop);
                assert_eq!(queue0, Err(QueueError::Vector { queue: 0, vector: 0 }));
            }
        }
        assert_eq!((memory.allocated(), old.written(reg::QUEUE_ADDRESS)), (0, vec![]));
    }
}

// conformance: core.reset.1, core.cleanup.2
#[test]
fn a_reset_that_does_not_finish_is_an_error() {
    let (function, old, mut memory) = (transitional(0x40), LegacyPorts::new(), Memory::new());
    let mut device = negotiated(&function, &old, Routing::Line);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    old.model().stuck = Some(0x80);
    let (ending, error) = device.reset().poll().map(drop).unwrap_err();
    assert_eq!((error, memory.allocated()), (SetupError::ResetUnfinished { status: 0x80 }, 1));
    old.model().stuck = Some(0xff);
    let (ending, error) = ending.poll().map(drop).unwrap_err();
    assert_eq!((error, memory.allocated()), (SetupError::Gone, 1));
    old.model().stuck = None;
    assert_ne!(function.command() & aerostat_test_support::soft_pci::MASTER, 0);
    let (_transport, proof) = ending.poll().map_err(|(_, error)| error).unwrap();
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// A function with virtio capabilities gets the modern interface, and a transitional function without them the
/// legacy interface. A function with neither is an error, and is not changed.
// conformance: core.conformance.2, pci.layout-detect.1, pci.layout-detect.2, pci.layout-detect.3, pci.layout-detect.4
// conformance: pci.layout-detect.5, pci.layout-detect.6
#[test]
fn either_takes_the_modern_interface_before_the_legacy_one() {
    let take = |function: &SoftPci| {
        let old = LegacyPorts::new();
        let found = Pci::either(&function.reach(), &mut mapper(function, &old), Routing::Line);
        found.map(|found| (found.interface(), found.name(), found.device_id().0))
    };
    assert_eq!(take(&transitional(0x40)), Ok((Interface::Legacy, "PCI, legacy", 42)));
    assert_eq!(take(&SoftPci::with_structures()), Ok((Interface::Modern, "PCI, modern", 42)));

    // Both: structures in the second BAR, registers in the first.
    let function = transitional(0x40);
    function.config().set_bar(1, Bar::Memory32 { address: aerostat_test_support::soft_pci::BAR, len: 0x2000 });
    function.structure(aerostat_test_support::soft_pci::CFG_COMMON, 1, aerostat_test_support::soft_pci::COMMON, 0x38);
    function.notify(1, aerostat_test_support::soft_pci::NOTIFY, aerostat_test_support::soft_pci::NOTIFY_LEN, 4);
    function.structure(aerostat_test_support::soft_pci::CFG_ISR, 1, aerostat_test_support::soft_pci::ISR, 1);
    assert_eq!(take(&function), Ok((Interface::Modern, "PCI, modern", 42)));

    // One capability is missing: neither a legacy device nor a usable modern one.
    let function = transitional(0x40);
    function.structure(aerostat_test_support::soft_pci::CFG_ISR, 1, aerostat_test_support::soft_pci::ISR, 1);
    assert!(matches!(take(&function), Err(PciError::Missing(_))));
    // No capabilities and no legacy registers.
    assert_eq!(take(&SoftPci::bare()), Err(PciError::NoLegacyInterface));
    // MSI-X is not a virtio capability.
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let _msix = messages(&function, &old, 1);
    assert_eq!(take(&function), Ok((Interface::Legacy, "PCI, legacy", 42)));
}

/// The configuration space shows the status, through the 8-bit register in front of it.
#[test]
fn the_configuration_space_shows_that_the_device_was_reset() {
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let device = negotiated(&function, &old, Routing::Line).go_live();
    let config = device.config();
    assert_eq!(config.check(), Ok(()));
    for (status, error) in [(0, DeviceError::HostReset), (0x47, DeviceError::NeedsReset), (0xff, DeviceError::Gone)] {
        old.model().stuck = Some(status);
        assert_eq!((device.check(), config.check()), (Err(error), Err(error)), "{status:#x}");
    }
}
