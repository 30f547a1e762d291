//! What the transport does beyond a balloon's needs, on QEMU's own device: registers over the qtest protocol, memory shared.

use std::alloc::Layout;
use std::time::Duration;

use aerostat_balloon::Size4KiB;
use aerostat_device::qtest::{Machine, Qemu, qemu_or_skip};
use aerostat_device::{GuestMemory, TestPlatform};
use aerostat_spec::balloon::{self, queue};
use aerostat_spec::reserved::feature::{AccessPlatform, RingPacked, RingReset};
use aerostat_transport::pci::{BarRange, ConfigPorts, PciFunction, Routing};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, Notification};
use aerostat_transport::{Device, Dma, Mmio, Notifier, Pci, QueueError, QueueReset, Spin, VirtQueue};

const MEMORY: u64 = 64 << 20;

aerostat_spec::feature_set! {
    struct Declared for balloon { RingReset: Required, RingPacked: Optional, AccessPlatform: Optional }
}

/// Makes a buffer of one page number available.
fn add_page<N: Notifier>(
    queue: &mut VirtQueue<N, 8, Enabled>,
    array: &aerostat_transport::DmaRegion,
    entry: usize,
    page: u32,
) {
    array.write_u32(4 * entry, page.to_le());
    let address = aerostat_transport::DeviceAddress(array.device_address().0 + 4 * entry as u64);
    // SAFETY: the array stays allocated until the end of the test, and each of its entries is written once.
    unsafe { queue.add(&[Element { address, len: 4, access: Access::DeviceReads }]) }.unwrap();
}

/// Waits for the only buffer in flight.
fn done<N: Notifier>(queue: &mut VirtQueue<N, 8, Enabled>) {
    assert_eq!(queue.notify(), Notification::Sent);
    for _ in 0..60_000 {
        if queue.pop().unwrap().is_some() {
            return assert_eq!(queue.in_flight(), 0);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the device does not answer")
}

/// Buffers in flight are dropped, later ones are used, and the other queue still works. Returns why the device
/// did not reset a queue.
fn reset_a_queue<T: QueueReset>(
    qemu: &Qemu,
    memory: &GuestMemory,
    transport: T,
    properties: &str,
) -> Option<QueueError> {
    let mut platform = TestPlatform::<Size4KiB>::builder(memory).build().unwrap();
    platform.ledger().touch_free_frames();
    let device = Device::take(transport)
        .map_err(|failed| failed.error)
        .unwrap()
        .poll()
        .map_err(|(_, error)| error)
        .unwrap()
        .acknowledge()
        .driver();
    let device = device.negotiate::<Declared>().map_err(|failed| failed.error).unwrap();
    let mut device: Device<_, balloon::Device, _> = device;
    assert_eq!(device.accepted().has(RingPacked), properties.contains("packed=on"));
    assert_eq!(device.accepted().has(AccessPlatform), properties.contains("iommu_platform=on"));
    let inflate = device.queue::<_, 8>(queue::Inflate, 1, &mut platform).unwrap();
    let deflate = device.queue::<_, 8>(queue::Deflate, 1, &mut platform).unwrap();
    let array = platform.alloc(Layout::from_size_align(4096, 4096).unwrap()).unwrap();
    let mut device = device.go_live();
    let (mut inflate, mut deflate) = (inflate.enable(&device), deflate.enable(&device));

    let resident = memory.resident_bytes();
    let mut gone = 0;
    // Pages in the middle of memory, one array entry each.
    let page = |entry: usize| (MEMORY / 4096 / 2) as u32 + entry as u32;
    for round in 0..3 {
        let first = 4 * round;
        for entry in [first, first + 1] {
            add_page(&mut inflate, &array, entry, page(entry));
            done(&mut inflate);
            gone += 4096;
            assert_eq!(memory.resident_bytes(), resident - gone);
        }
        // The device is not notified, so it has not read the buffer when the queue is reset.
        add_page(&mut inflate, &array, first + 2, page(first + 2));
        let proof = device.accepted().proof(RingReset);
        if let Err(error) = device.reset_queue(proof, &mut inflate, &mut Spin::default()) {
            assert_eq!((inflate.in_flight(), inflate.notify()), (1, Notification::Suppressed));
            assert!(matches!(inflate.next_token(), Err(AddError::Poisoned(_))));
            return Some(error);
        }
        assert_eq!((inflate.in_flight(), inflate.pop()), (0, Ok(None)));
        add_page(&mut inflate, &array, first + 3, page(first + 3));
        done(&mut inflate);
        gone += 4096;
        assert_eq!(memory.resident_bytes(), resident - gone, "the page of the buffer that was reset is still there");
        add_page(&mut deflate, &array, 100 + round, page(first));
        done(&mut deflate);
    }
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    assert!(inflate.release(&proof, &mut platform).is_ok());
    assert!(deflate.release(&proof, &mut platform).is_ok());
    platform.free(array);
    qemu.check().unwrap();
    None
}

/// A QEMU with guest memory; `None` where tests run without QEMU on purpose.
fn machine(machine: Machine, properties: &str) -> Option<(Qemu, GuestMemory)> {
    qemu_or_skip()?;
    let memory = GuestMemory::new(MEMORY).unwrap();
    Some((Qemu::start(machine, &memory, properties).unwrap(), memory))
}

// conformance: core.vqreset.1, core.vqreset.2, core.vqreset.3
#[test]
fn a_queue_is_reset_over_pci() {
    for properties in [
        "packed=off,queue_reset=on",
        "packed=on,queue_reset=on",
        "packed=off,queue_reset=on,iommu_platform=on,disable-legacy=on",
    ] {
        let Some((qemu, memory)) = machine(Machine::Q35, properties) else { return };
        let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
        let transport = Pci::new(&function, &mut |range: BarRange| Some(qemu.map(range)), Routing::Line).unwrap();
        assert_eq!(reset_a_queue(&qemu, &memory, transport, properties), None, "{properties}");
    }
}

/// QEMU offers the feature over MMIO and does not know the register: the queue is not taken for one that was reset.
// conformance: core.vqreset.1
#[test]
fn a_queue_that_is_not_reset_is_unusable_over_mmio() {
    let properties = "packed=off,queue_reset=on";
    let Some((qemu, memory)) = machine(Machine::Microvm, properties) else { return };
    let transport = Mmio::new(qemu.mmio_device(5).unwrap()).map_err(|(_, error)| error).unwrap();
    let error = reset_a_queue(&qemu, &memory, transport, properties);
    // One that knows it may come.
    assert!(matches!(error, None | Some(QueueError::InUse { queue: 0 })), "{error:?}");
}
