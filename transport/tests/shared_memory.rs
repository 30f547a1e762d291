//! Shared memory regions over MMIO and PCI.
#![cfg(target_pointer_width = "64")]

use std::rc::Rc;

use aerostat_test_support::soft_pci::MASTER;
use aerostat_test_support::{Bar, BarRegisters, SoftMmio, SoftPci};
use aerostat_transport::pci::Routing;
use aerostat_transport::{Device, FeaturesOk, Mmio, Pci, Transport};

aerostat_spec::virtio_device! {
    device lamp = 42 {
        shared_memory { frame = 0, cache = 1, other = 7 }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp {}
}

fn negotiated<T: Transport>(transport: T) -> Device<T, lamp::Device, FeaturesOk<Declared>> {
    let device = Device::take(transport).map_err(|failed| failed.error).expect("the device resets");
    let device = device.poll().map_err(|(_, error)| error).expect("the reset has finished").acknowledge().driver();
    device.negotiate().map_err(|failed| failed.error).expect("nothing is required")
}

fn device(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, lamp::Device, FeaturesOk<Declared>> {
    negotiated(Mmio::new(soft.clone()).map_err(|(_, error)| error).expect("the registers have a device"))
}

#[test]
fn region_has_the_address_and_length_of_the_device() {
    let soft = SoftMmio::new(42);
    soft.model().shared_memory = vec![(0x1_0000_0000, 0x2000), (0xffff_ffff_ffff_f000, 0x1000)];
    let mut device = device(&soft);
    let frame = device.shared_memory(lamp::shared_memory::Frame).expect("the region exists");
    assert_eq!((frame.address(), frame.len()), (0x1_0000_0000, 0x2000));
    let cache = device.shared_memory(lamp::shared_memory::Cache).expect("the region ends with the address space");
    assert_eq!((cache.address(), cache.len()), (0xffff_ffff_ffff_f000, 0x1000));
    assert_eq!(device.shared_memory(lamp::shared_memory::Other), None);
    assert_eq!(soft.written(0x0ac), [0, 1, 7]);
}

#[test]
fn impossible_region_is_not_there() {
    for region in [(0x1000, 0), (0xffff_ffff_ffff_f000, 0x1001), (3, u64::MAX - 1)] {
        let soft = SoftMmio::new(42);
        soft.model().shared_memory = vec![region];
        assert_eq!(device(&soft).shared_memory(lamp::shared_memory::Frame), None, "{region:x?}");
    }
}

/// The kind of a capability that describes a shared memory region, and its length in bytes.
const SHARED_MEMORY: u8 = 8;
const CAP64: u8 = 24;
/// A 64-bit BAR of 64 GiB, and a BAR of I/O ports.
const BIG: u64 = 0x40_0000_0000;
const BIG_LEN: u64 = 64 << 30;
const PORTS: Bar = Bar::Ports { address: 0xc000, len: 0x100 };

fn function() -> SoftPci {
    let function = SoftPci::with_structures();
    function.config().set_bar(2, Bar::Memory64 { address: BIG, len: BIG_LEN });
    function.config().set_bar(4, PORTS);
    function
}

/// Adds the capability of a region.
fn add_region(function: &SoftPci, cap_len: u8, id: u8, bar: u8, offset: u64, len: u64) {
    let at = function.virtio(CAP64, cap_len, SHARED_MEMORY, bar, offset as u32, len as u32);
    let mut config = function.config();
    config.bytes[usize::from(at) + 5] = id;
    config.put(at + 16, (offset >> 32) as u32);
    config.put(at + 20, (len >> 32) as u32);
}

type PciDevice = Device<Pci<BarRegisters, SoftPci>, lamp::Device, FeaturesOk<Declared>>;

fn pci_device(function: &SoftPci) -> PciDevice {
    let mut map = function.mapper(&Rc::default());
    negotiated(Pci::new(&function.reach(), &mut map, Routing::Line).expect("the function has a device"))
}

#[test]
fn region_over_pci_is_a_part_of_its_bar() {
    let function = function();
    add_region(&function, CAP64, 0, 0, 0x1800, 0x800);
    add_region(&function, CAP64, 1, 2, 0x1_2000_0000, 0xe_e000_0000);
    let mut device = pci_device(&function);
    let frame = device.shared_memory(lamp::shared_memory::Frame).expect("the region exists");
    assert_eq!((frame.address(), frame.len()), (0xfe00_1800, 0x800));
    let cache = device.shared_memory(lamp::shared_memory::Cache).expect("the region ends with its BAR");
    assert_eq!((cache.address(), cache.len()), (BIG + 0x1_2000_0000, 0xe_e000_0000));
    assert_eq!(device.shared_memory(lamp::shared_memory::Other), None);
    assert_eq!(function.command() & MASTER, MASTER, "the device may access memory as before");
    function.assert_careful();
}

#[test]
fn impossible_region_over_pci_is_not_there() {
    let regions = [
        // Empty, one byte too long, behind the BAR, beyond 64 bits.
        (CAP64, 0, 0, 0),
        (CAP64, 0, 0x1800, 0x801),
        (CAP64, 0, 0x2001, 1),
        (CAP64, 2, u64::MAX, 2),
        (CAP64, 2, 1 << 63, 1 << 63),
        // No BAR, the upper half of a BAR, ports, a reserved BAR.
        (CAP64, 1, 0, 1),
        (CAP64, 3, 0, 1),
        (CAP64, 4, 0, 1),
        (CAP64, 6, 0, 1),
        // A capability that ends before the upper halves.
        (16, 0, 0x1800, 0x800),
    ];
    for (cap_len, bar, offset, len) in regions {
        let function = function();
        add_region(&function, cap_len, 0, bar, offset, len);
        let found = pci_device(&function).shared_memory(lamp::shared_memory::Frame);
        assert_eq!(found, None, "BAR {bar}, {offset:#x}, {len:#x}");
        // A usable capability of the same region follows.
        let function = self::function();
        add_region(&function, cap_len, 0, bar, offset, len);
        add_region(&function, CAP64, 0, 0, 0x1000, 0x1000);
        let found = pci_device(&function).shared_memory(lamp::shared_memory::Frame);
        assert_eq!(found.map(|region| region.address()), Some(0xfe00_1000), "BAR {bar}, {offset:#x}, {len:#x}");
    }
}

/// BARs are probed neither while the device may be in use nor with bus mastering.
#[test]
fn region_of_a_live_pci_device_is_not_searched() {
    let function = function();
    add_region(&function, CAP64, 0, 0, 0x1800, 0x800);
    let mut map = function.mapper(&Rc::default());
    let mut transport = Pci::new(&function.reach(), &mut map, Routing::Line).expect("the function has a device");
    assert!(transport.shared_memory(0).is_some());
    assert_eq!(function.command() & MASTER, 0, "bus mastering was not allowed before");
    function.device.borrow_mut().status = 0xf;
    let written = function.config().written.len();
    assert_eq!(transport.shared_memory(0), None);
    assert_eq!(function.config().written.len(), written);
}
