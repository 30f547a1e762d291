//! Vectors of MSI-X.

use std::rc::Rc;

use aerostat_test_support::legacy_ports::{LegacyPorts, reg};
use aerostat_test_support::{Memory, Plain, RegisterAccess, SoftPci, test_device};
use aerostat_transport::pci::{BarRange, LegacyPci, QueueVectors, Routing, Space, Vector};
use aerostat_transport::pci_types::PciAddress;
use aerostat_transport::{BusError, Device, Pci, QueueError, SetupError};

use crate::{mapper, message, messages, negotiate, negotiated, transitional};

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
            assert!(msix.add_each([]).is_none(), "a vector needs a message");
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
