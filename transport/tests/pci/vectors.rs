//! Vectors of MSI-X.

use std::cell::RefCell;
use std::rc::Rc;

use aerostat_test_support::soft_pci::{BAR, TABLE};
use aerostat_test_support::{Bar, BarRegisters, Memory, RegisterAccess, SoftPci, field, test_device};
use aerostat_transport::pci::{BarRange, Msix, PciError, PciFunction, QueueVectors, Routing, Vector};
use aerostat_transport::pci_types::{ConfigRegionAccess, PciAddress};
use aerostat_transport::{BusError, Pci, QueueError, SetupError};

use crate::{FAILED, add_msix, function_with_messages, message, negotiate, negotiated};

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
