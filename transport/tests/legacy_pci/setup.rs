//! Set-up, queues and the configuration space.

use aerostat_spec::Interface;
use aerostat_test_support::legacy_ports::{LegacyPorts, reg};
use aerostat_test_support::{Memory, RegisterAccess, test_device};
use aerostat_transport::pci::{QueueVectors, Routing};
use aerostat_transport::queue::{Access, AddError, Element, Notification};
use aerostat_transport::{DeviceAddress, DeviceError, InterruptSource, InterruptStatus, QueueError, SetupError};

use crate::{message, messages, negotiated, transitional};

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
