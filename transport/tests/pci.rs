//! The PCI transport on a function in software: registers, notifications, interrupts.

use std::cell::RefCell;
use std::rc::Rc;

use aerostat_test_support::soft_pci::{
    BAR, CFG_COMMON, CFG_ISR, COMMON, DEVICE, ISR, MASTER, NOTIFY, NOTIFY_LEN, TABLE,
};
use aerostat_test_support::{Bar, BarRegisters, Memory, Plain, RegisterAccess, SoftPci, field, test_device};
use aerostat_transport::pci::{
    BarIndex, BarRange, BarWindows, MapBar, Message, Msix, PciError, PciFunction, QueueVectors, Routing, Space, Vector,
};
use aerostat_transport::pci_types::{ConfigRegionAccess, PciAddress};
use aerostat_transport::queue::Notification;
use aerostat_transport::{
    BusError, ConfigError, Device, DeviceError, FeaturesOk, InterruptSource, InterruptStatus, Pci, QueueError,
    SetupError, SetupFailed,
};

/// A message for a device that is only a model, and sends none.
fn message(address: u64, data: u32) -> Message {
    // SAFETY: the device of these tests does not write the message.
    unsafe { Message::new(address, data) }
}

type Fixture<S> = Device<Pci<BarRegisters, SoftPci>, test_device::Device, S>;

const FAILED: u32 = 0x80;

fn transport(function: &SoftPci, routing: Routing) -> Pci<BarRegisters, SoftPci> {
    Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), routing).unwrap()
}

fn negotiate(
    function: &SoftPci,
    routing: Routing,
) -> Result<Fixture<FeaturesOk<Plain>>, SetupFailed<Pci<BarRegisters, SoftPci>>> {
    Device::take(transport(function, routing))?.poll()?.acknowledge().driver().negotiate()
}

fn negotiated(function: &SoftPci, routing: Routing) -> Fixture<FeaturesOk<Plain>> {
    negotiate(function, routing).map_err(|failed| failed.error).unwrap()
}

/// Adds MSI-X with a table of `entries` entries to a function. Where the capability is.
fn add_msix(function: &SoftPci, entries: u16, place: u32) -> u8 {
    let at = function.capability(0x11, 12);
    let config = &mut *function.config();
    config.bytes[usize::from(at) + 2..usize::from(at) + 4].copy_from_slice(&(entries - 1).to_le_bytes());
    config.put(at + 4, place);
    at
}

/// Two vectors of a function that has them.
fn two_vectors(function: &SoftPci) -> Routing {
    let mut msix =
        Msix::<BarRegisters>::enable(&function.reach(), &mut function.mapper(&Rc::default())).unwrap().unwrap();
    let mut vector = |data| msix.add(message(0x1_fee0_0000, data)).unwrap();
    Routing::Messages { configuration: vector(0x40), queues: QueueVectors::shared(vector(0x41)) }
}

fn function_with_messages() -> (SoftPci, Routing) {
    let function = SoftPci::with_structures();
    add_msix(&function, 2, TABLE);
    let routing = two_vectors(&function);
    function.device.borrow_mut().log.clear();
    (function, routing)
}

// conformance: core.init.1, core.init.2, core.init.3, core.init.7, core.init.11, pci.common-cfg.1, pci.common-cfg.6
#[test]
fn a_device_is_set_up_and_reset() {
    let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
    let mut device = negotiated(&function, Routing::Line);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue0 = queue0.enable(&device);
    assert_eq!(queue0.notify(), Notification::Sent);
    device.check().unwrap();
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue0.release(&proof, &mut memory).unwrap();
    let model = function.device.borrow();
    assert_eq!(model.written(field::STATUS), [0, 1, 3, 11, 15, 0]);
    for access in &model.log {
        let (RegisterAccess::Read(at, bits) | RegisterAccess::Write(at, bits, _)) = *access;
        let expected = match at {
            field::STATUS | field::GENERATION => 8,
            field::CONFIG_VECTOR..=field::QUEUE_NOTIFY_OFF => 16,
            at if at == NOTIFY as usize => 16,
            _ => 32,
        };
        assert_eq!(bits, expected, "{access:?}");
        if let RegisterAccess::Write(at, _, value) = *access {
            let read_only =
                [field::DEVICE_FEATURE, field::NUM_QUEUES, field::GENERATION, field::QUEUE_NOTIFY_OFF].contains(&at);
            assert!(!read_only, "{access:?}");
            assert!(at != field::QUEUE_ENABLE || value == 1, "{access:?}");
        }
    }
    function.assert_careful();
}

// conformance: core.init.4, pci.common-cfg.10
#[test]
fn features_are_accessed_through_their_selectors() {
    let function = SoftPci::with_structures();
    function.device.borrow_mut().offered = u64::MAX;
    let device = negotiated(&function, Routing::Line);
    assert_eq!(device.accepted().offered(), u64::MAX);
    let model = function.device.borrow();
    assert_eq!(model.accepted, 1 << 32, "VERSION_1 and nothing that was not declared");
    for (window, select) in
        [(field::DEVICE_FEATURE, field::DEVICE_FEATURE_SELECT), (field::DRIVER_FEATURE, field::DRIVER_FEATURE_SELECT)]
    {
        let at = |access: &RegisterAccess| match *access {
            RegisterAccess::Read(at, _) | RegisterAccess::Write(at, ..) => at,
        };
        let places: Vec<usize> = (0..model.log.len()).filter(|place| at(&model.log[*place]) == window).collect();
        assert_eq!(places.len(), 2);
        assert!(places.iter().all(|place| at(&model.log[place - 1]) == select));
    }
}

/// The queue is selected first and enabled last, and its size is a power of two.
// conformance: pci.common-cfg.2, pci.common-cfg.3, pci.common-cfg.4, pci.vq-config.1, pci.vq-config.3
#[test]
fn a_queue_is_selected_programmed_and_then_enabled() {
    for (offered, size) in [(8, 8), (7, 4), (1, 1), (256, 16), (0xffff, 16)] {
        let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
        function.device.borrow_mut().queues[1].size = offered;
        let mut device = negotiated(&function, Routing::Line);
        function.device.borrow_mut().log.clear();
        let _queue1 = device.queue::<_, 16>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let model = function.device.borrow();
        let first = model.log.iter().position(|access| matches!(access, RegisterAccess::Write(..))).unwrap();
        assert_eq!(model.log[first], RegisterAccess::Write(field::QUEUE_SELECT, 16, 1));
        assert_eq!(model.log.last(), Some(&RegisterAccess::Write(field::QUEUE_ENABLE, 16, 1)));
        assert_eq!(model.written(field::QUEUE_ENABLE), [1], "not before its size and its addresses are written");
        assert_eq!((model.queues[1].size, model.queues[0].enable), (size, 0), "{offered}");
        let [descriptors, driver, device] = model.queues[1].addresses;
        assert!(descriptors.is_multiple_of(16) && driver.is_multiple_of(2) && device.is_multiple_of(4));
        assert!(descriptors < driver && driver < device);
    }
}

/// A queue whose number is out of range or whose size is 0 is missing; an enabled queue is not changed.
// conformance: pci.common-cfg.2, pci.vq-config.2
#[test]
fn a_queue_that_is_in_use_or_missing_is_rejected() {
    let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
    let mut device = negotiated(&function, Routing::Line);
    let mut queue = |change: &dyn Fn(&mut aerostat_test_support::CommonCfg)| {
        change(&mut function.device.borrow_mut());
        device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop)
    };
    assert_eq!(queue(&|model| model.num_queues = 1), Err(QueueError::Missing { queue: 1 }));
    assert_eq!(queue(&|model| model.num_queues = 0), Err(QueueError::Missing { queue: 1 }));
    assert_eq!(
        queue(&|model| (model.num_queues, model.queues[1].size) = (2, 0)),
        Err(QueueError::Missing { queue: 1 })
    );
    for enable in [1, 2, 0xffff] {
        assert_eq!(
            queue(&|model| (model.queues[1].size, model.queues[1].enable) = (8, enable)),
            Err(QueueError::InUse { queue: 1 })
        );
    }
    assert_eq!(memory.allocated(), 0);
    assert!(
        !function
            .device
            .borrow()
            .log
            .iter()
            .any(|access| matches!(access, RegisterAccess::Write(field::QUEUE_ENABLE, ..)))
    );
}

/// The structure's offset and `queue_notify_off` times the multiplier.
// conformance: pci.notify-cap.1, pci.notify.1, pci.notify.3
#[test]
fn each_queue_is_notified_at_its_own_address() {
    for (multiplier, notify_off, offset) in
        [(0, 0, 0), (0, 0xffff, 0), (4, 0, 0), (4, 1, 4), (4, 63, 252), (2, 127, 254), (0x80, 1, 0x80), (0xfe, 1, 254)]
    {
        let function = SoftPci::bare();
        function.structure(CFG_COMMON, 0, COMMON, 0x38);
        function.structure(CFG_ISR, 0, ISR, 1);
        function.notify(0, NOTIFY, NOTIFY_LEN, multiplier);
        function.device.borrow_mut().queues[1].notify_off = notify_off;
        let mut memory = Memory::new();
        let mut device = negotiated(&function, Routing::Line);
        let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let device = device.go_live();
        function.device.borrow_mut().log.clear();
        assert_eq!(queue1.enable(&device).notify(), Notification::Sent);
        // One access for each notification, because each exits to the host.
        let written = RegisterAccess::Write(NOTIFY as usize + offset, 16, 1);
        assert_eq!(function.device.borrow().log, [written], "{multiplier} × {notify_off}");
    }
}

#[test]
fn a_notification_address_outside_its_structure_or_unaligned_is_rejected() {
    for (multiplier, notify_off) in [
        (4, 64),
        (2, 128),
        (0xff, 1),
        (0x100, 1),
        (0x8000_0000, 2),
        (u32::MAX, 0xffff),
        (u32::MAX, 1),
        // Inside the structure, but unaligned.
        (1, 1),
        (3, 1),
        (5, 3),
    ] {
        let function = SoftPci::bare();
        function.structure(CFG_COMMON, 0, COMMON, 0x38);
        function.structure(CFG_ISR, 0, ISR, 1);
        function.notify(0, NOTIFY, NOTIFY_LEN, multiplier);
        function.device.borrow_mut().queues[1].notify_off = notify_off;
        let mut memory = Memory::new();
        let mut device = negotiated(&function, Routing::Line);
        let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop);
        assert_eq!(queue1, Err(QueueError::Notification { queue: 1 }), "{multiplier:#x} × {notify_off:#x}");
        assert_eq!((function.device.borrow().queues[1].enable, memory.allocated()), (0, 0));
    }
}

/// A capability that is too short for a multiplier has none. The bytes after it belong to something else.
#[test]
fn a_short_notification_capability_has_no_multiplier() {
    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.structure(CFG_ISR, 0, ISR, 1);
    let at = function.virtio(20, 16, aerostat_test_support::soft_pci::CFG_NOTIFY, 0, NOTIFY, NOTIFY_LEN);
    function.config().put(at + 16, 4);
    function.device.borrow_mut().queues[1].notify_off = 3;
    let mut memory = Memory::new();
    let mut device = negotiated(&function, Routing::Line);
    let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
    let device = device.go_live();
    queue1.enable(&device).notify();
    assert_eq!(function.device.borrow().log.last(), Some(&RegisterAccess::Write(NOTIFY as usize, 16, 1)));
}

/// With INTx, the ISR status has the cause and is read once for each interrupt.
// conformance: pci.irq.1, pci.irq.2, pci.irq.3, pci.confchange.1
#[test]
fn the_isr_status_is_read_with_intx() {
    let function = SoftPci::with_structures();
    let interrupt = negotiated(&function, Routing::Line).go_live().interrupt();
    for (isr, used_buffers, configuration) in [
        (0, false, false),
        (1, true, false),
        (2, false, true),
        (3, true, true),
        (0xfc, false, false),
        (0xff, true, true),
    ] {
        function.device.borrow_mut().isr = isr;
        function.device.borrow_mut().log.clear();
        assert_eq!(interrupt.acknowledge(), InterruptStatus { used_buffers, configuration }, "{isr:#x}");
        assert_eq!(function.device.borrow().log, [RegisterAccess::Read(ISR as usize, 8)]);
    }
}

/// With messages it is not read, and every cause is reported.
// conformance: pci.isr.1, pci.irq.4, pci.irq.5
#[test]
fn the_isr_status_is_not_read_with_msix() {
    let (function, routing) = function_with_messages();
    let interrupt = negotiated(&function, routing).go_live().interrupt();
    function.device.borrow_mut().log.clear();
    assert_eq!(interrupt.acknowledge(), InterruptStatus::ANY);
    assert_eq!(function.device.borrow().log, []);
}

/// Vectors are set before DRIVER_OK, each before its queue is enabled, and read back.
// conformance: pci.msix.4
#[test]
fn vectors_are_set_and_read_back() {
    let ((function, routing), mut memory) = (function_with_messages(), Memory::new());
    let mut device = negotiated(&function, routing);
    let _queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let _device = device.go_live();
    let model = function.device.borrow();
    assert_eq!((model.config_vector, model.queues[0].vector, model.queues[1].vector), (0, 1, 0xffff));
    let place = |access| model.log.iter().position(|one| *one == access).unwrap();
    let config = place(RegisterAccess::Write(field::CONFIG_VECTOR, 16, 0));
    assert_eq!(model.log[config + 1], RegisterAccess::Read(field::CONFIG_VECTOR, 16));
    let queue = place(RegisterAccess::Write(field::QUEUE_VECTOR, 16, 1));
    assert_eq!(model.log[queue + 1], RegisterAccess::Read(field::QUEUE_VECTOR, 16));
    assert!(place(RegisterAccess::Write(field::STATUS, 8, 11)) < config);
    assert!(queue < place(RegisterAccess::Write(field::QUEUE_ENABLE, 16, 1)));
    assert!(config.max(queue) < place(RegisterAccess::Write(field::STATUS, 8, 15)));
}

#[test]
fn without_messages_no_vector_is_set() {
    let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
    let mut device = negotiated(&function, Routing::Line);
    let _queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let model = function.device.borrow();
    assert!(model.written(field::CONFIG_VECTOR).is_empty() && model.written(field::QUEUE_VECTOR).is_empty());
}

/// A vector that reads back as 0xFFFF was rejected.
// conformance: pci.msix.4, pci.msix.5
#[test]
fn rejected_vectors_are_errors() {
    let (function, routing) = function_with_messages();
    function.device.borrow_mut().vectors = 0;
    let failed = negotiate(&function, routing).unwrap_err();
    assert_eq!(failed.error, SetupError::Bus(BusError::Vector { vector: 0 }));
    assert_eq!(function.device.borrow().written(field::STATUS).last(), Some(&(FAILED | 11)));

    let ((function, routing), mut memory) = (function_with_messages(), Memory::new());
    function.device.borrow_mut().vectors = 1;
    let mut device = negotiated(&function, routing);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).map(drop);
    assert_eq!(queue0, Err(QueueError::Vector { queue: 0, vector: 1 }));
    assert_eq!((function.device.borrow().queues[0].enable, memory.allocated()), (0, 0));
}

/// Any table size, every entry once, and no vector beyond.
// conformance: pci.msix.1, pci.msix.3
#[test]
fn a_table_of_any_size_is_filled_to_its_end() {
    for entries in [1, 2, 3, 128, 2047, 2048] {
        let function = SoftPci::with_structures();
        function.config().set_bar(1, Bar::Memory32 { address: BAR + 0x1_0000, len: 0x1_0000 });
        let capability = add_msix(&function, entries, 1);
        function.config().bytes[usize::from(capability) + 3] |= 0x40;
        let mapped = Rc::new(RefCell::new(Vec::new()));
        let mut msix = Msix::<BarRegisters>::enable(&function.reach(), &mut function.mapper(&mapped)).unwrap().unwrap();
        assert_eq!(msix.size(), entries);
        let table: Vec<BarRange> = mapped.take();
        assert_eq!((table[0].address, table[0].len), (u64::from(BAR) + 0x1_0000, 16 * u64::from(entries)));
        let control = function.config().bytes[usize::from(capability) + 3];
        assert_eq!(control & 0xc0, 0x80, "enabled, and not masked");
        for entry in 0..entries {
            assert_eq!(msix.add(message(0, 0)).map(Vector::get), Some(entry));
        }
        assert_eq!(msix.add(message(0, 0)), None);
    }
}

#[test]
fn a_message_is_written_to_its_entry_and_unmasked_last() {
    let function = SoftPci::with_structures();
    add_msix(&function, 2, TABLE);
    let mut msix =
        Msix::<BarRegisters>::enable(&function.reach(), &mut function.mapper(&Rc::default())).unwrap().unwrap();
    msix.add(message(1, 2)).unwrap();
    function.device.borrow_mut().log.clear();
    msix.add(message(0x1_fee0_1000, 0x4041)).unwrap();
    let entry = TABLE as usize + 16;
    let expected = [
        RegisterAccess::Write(entry, 32, 0xfee0_1000),
        RegisterAccess::Write(entry + 4, 32, 1),
        RegisterAccess::Write(entry + 8, 32, 0x4041),
        RegisterAccess::Write(entry + 12, 32, 0),
    ];
    assert_eq!(function.device.borrow().log, expected);
}

#[test]
fn a_table_outside_bars_is_an_error_and_msix_stays_disabled() {
    let enable = |function: &SoftPci| {
        Msix::<BarRegisters>::enable(&function.reach(), &mut function.mapper(&Rc::default()))
            .map(|found| found.is_some())
    };
    assert_eq!(enable(&SoftPci::with_structures()), Ok(false), "no MSI-X");
    // Reserved BARs, one that is absent, and tables that leave theirs.
    for (entries, place) in [(2, 6), (2, 7), (2, 3), (2, 0x1ff0), (2048, 0), (1, 0x2000), (1, 0xffff_fff8)] {
        let function = SoftPci::with_structures();
        let capability = add_msix(&function, entries, place);
        assert_eq!(enable(&function), Err(PciError::Table), "{entries} {place:#x}");
        assert_eq!(function.config().bytes[usize::from(capability) + 3] & 0x80, 0);
    }
    let function = SoftPci::with_structures();
    let capability = add_msix(&function, 2, TABLE);
    let rejected =
        Msix::<BarRegisters>::enable(&function.reach(), &mut |_: BarRange| None::<BarRegisters>).map(drop).unwrap_err();
    assert!(matches!(rejected, PciError::Unmapped { .. }));
    assert_eq!(function.config().bytes[usize::from(capability) + 3] & 0x80, 0);
}

/// The device's own fields are behind their structure, and end with it.
// conformance: pci.access.1, pci.access.3
#[test]
fn the_configuration_of_the_device_is_read_from_its_structure() {
    let function = SoftPci::with_structures();
    let device = negotiated(&function, Routing::Line);
    assert_eq!(device.config().read(test_device::config::Read32), Ok(0x5a5a_5a5a));
    assert_eq!(device.config().read(test_device::config::Write8), Ok(0x5a));
    let read = |at: u32, bits| RegisterAccess::Read((DEVICE + at) as usize, bits);
    let model = function.device.borrow();
    assert!(model.log.contains(&read(0, 32)) && model.log.contains(&read(22, 8)));
    let generations = model.log.iter().filter(|access| **access == RegisterAccess::Read(field::GENERATION, 8)).count();
    assert!(generations >= 4, "each read is between two reads of the generation");
    drop(model);

    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.structure(CFG_ISR, 0, ISR, 1);
    function.notify(0, NOTIFY, NOTIFY_LEN, 4);
    let error = negotiated(&function, Routing::Line).config().read(test_device::config::Read32).unwrap_err();
    assert_eq!(error, ConfigError::TooSmall { field: "read32", end: 4, len: 0 });
}

/// A device may access memory only from the end of its reset until it has failed or is no longer in use.
#[test]
fn bus_mastering_is_switched_on_after_the_reset_and_off_at_the_end() {
    let function = SoftPci::with_structures();
    // An earlier driver has left it on.
    function.config().bytes[4] |= MASTER as u8;
    let is_master = || function.command() & MASTER != 0;
    let transport = transport(&function, Routing::Line);
    assert!(!is_master());
    let resetting = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    assert!(!is_master(), "the reset has not finished");
    let device = resetting.poll().map_err(|(_, error)| error).unwrap();
    assert!(is_master());
    let device = device.acknowledge().driver().negotiate::<Plain>().map_err(|failed| failed.error).unwrap().go_live();
    assert!(is_master());
    let ending = device.reset();
    assert!(is_master(), "the device may still use its memory, and a message that it sends must arrive");
    let (transport, _proof) = ending.poll().map_err(|(_, error)| error).unwrap();
    assert!(!is_master());

    // Dropped in any state, or failed.
    let again = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    let device = again.poll().map_err(|(_, error)| error).unwrap();
    assert!(is_master());
    drop(device);
    assert!(!is_master());
    drop(negotiated(&function, Routing::Line).go_live());
    assert!(!is_master());
    drop(negotiated(&function, Routing::Line).go_live().reset());
    assert!(!is_master());
    let ending = negotiated(&function, Routing::Line).abandon();
    let _transport = ending.into_transport();
    assert!(!is_master());
    // SAFETY: the device of these tests does not access memory.
    let (_transport, _proof) = unsafe { negotiated(&function, Routing::Line).go_live().assume_reset() };
    assert!(!is_master());
    function.device.borrow_mut().offered = 0;
    assert!(negotiate(&function, Routing::Line).is_err());
    assert!(!is_master());
}

/// A live device stays reachable: nothing that a kernel asks about its function writes to configuration space.
#[test]
fn a_live_function_is_not_disturbed_by_the_search_for_its_bars() {
    let function = SoftPci::with_structures();
    function.window();
    let (reach, other) = (function.reach(), function.reach());
    // SAFETY: the test uses the capability in one context, and the model performs every access.
    let mut windows = unsafe { BarWindows::new(other) }.map_err(|(_, error)| error).unwrap();
    let range = BarRange { space: Space::Memory, address: u64::from(BAR), len: 0x38 };
    assert!(reach.bar(BarIndex::FIRST).is_some() && windows.map(range).is_some());
    let device = negotiated(&function, Routing::Line).go_live();
    function.config().written.clear();
    assert!((0..6).all(|bar| reach.bar(BarIndex::new(bar).unwrap()).is_none()) && windows.map(range).is_none());
    assert_eq!((device.check(), &function.config().written[..]), (Ok(()), &[][..]));
    drop(device);
    assert!(reach.bar(BarIndex::FIRST).is_some());
    function.assert_careful();
}

/// A software function at another address.
#[derive(Clone)]
struct Elsewhere(SoftPci);

impl ConfigRegionAccess for Elsewhere {
    unsafe fn read(&self, _address: PciAddress, offset: u16) -> u32 {
        // SAFETY: by the caller's promise.
        unsafe { self.0.read(self.0.reach().address(), offset) }
    }

    unsafe fn write(&self, _address: PciAddress, offset: u16, value: u32) {
        // SAFETY: by the caller's promise.
        unsafe { self.0.write(self.0.reach().address(), offset, value) }
    }
}

/// The vectors of one function are not used for another.
#[test]
fn a_vector_of_another_function_is_rejected() {
    let (function, own) = function_with_messages();
    let Routing::Messages { configuration, queues } = own else { panic!("messages") };
    let address = PciAddress::new(0, 0, 9, 0);
    let other = SoftPci::with_structures();
    add_msix(&other, 2, TABLE);
    let reach = PciFunction::new(Elsewhere(other.clone()), address);
    let msix = Msix::<BarRegisters>::enable(&reach, &mut other.mapper(&Rc::default()));
    let foreign = msix.unwrap().unwrap().add(message(0x1_fee0_0000, 0x42)).unwrap();
    assert_eq!((foreign.function(), configuration.function()), (address, function.reach().address()));
    for routing in [
        Routing::Messages { configuration: foreign, queues },
        Routing::Messages { configuration, queues: QueueVectors::shared(foreign) },
    ] {
        let found = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), routing).map(drop);
        let error = PciError::OtherFunction { function: function.reach().address(), other: address };
        assert_eq!(found, Err(error));
    }
}

/// The configuration space shows the status, which is in another structure.
#[test]
fn the_configuration_space_shows_that_the_device_was_reset() {
    let function = SoftPci::with_structures();
    let device = negotiated(&function, Routing::Line).go_live();
    let config = device.config();
    assert_eq!(config.check(), Ok(()));
    for (status, error) in [(0, DeviceError::HostReset), (0x4f, DeviceError::NeedsReset), (0xff, DeviceError::Gone)] {
        function.device.borrow_mut().status = status;
        assert_eq!((device.check(), config.check()), (Err(error), Err(error)), "{status:#x}");
    }
}
