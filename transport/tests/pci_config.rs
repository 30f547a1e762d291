//! Accesses to the configuration space of a PCI device: each field in its width, a 64-bit field as two halves.

use std::rc::Rc;

use aerostat_test_support::soft_pci::DEVICE;
use aerostat_test_support::{BarRegisters, Plain, RegisterAccess, SoftPci, test_device};
use aerostat_transport::pci::Routing;
use aerostat_transport::{Device, Pci};

// conformance: pci.access.1, pci.access.2, pci.access.3, pci.access.4, pci.access.6
#[test]
fn configuration_fields_are_accessed_in_their_width() {
    let function = SoftPci::with_structures();
    let transport: Pci<BarRegisters, SoftPci> =
        Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Plain>().unwrap();
    let device: Device<_, test_device::Device, _> = device;
    let device = device.go_live();
    let config = device.config();
    function.device.borrow_mut().log.clear();
    assert_eq!(config.read(test_device::config::Read32), Ok(0x5a5a_5a5a));
    assert_eq!(config.read(test_device::config::Read64), Ok(0x5a5a_5a5a_5a5a_5a5a));
    assert_eq!(config.read(test_device::config::Write16), Ok(0x5a5a));
    assert_eq!(config.read(test_device::config::Write8), Ok(0x5a));
    config.write(test_device::config::Write32, 0xaabb_ccdd).unwrap();
    config.write(test_device::config::Write16, 0x1122).unwrap();
    config.write(test_device::config::Write8, 0x33).unwrap();
    let start = DEVICE as usize;
    let model = function.device.borrow();
    let of_the_device = |access: &&RegisterAccess| match **access {
        RegisterAccess::Read(at, _) | RegisterAccess::Write(at, ..) => (start..start + 0x100).contains(&at),
    };
    let expected = [
        RegisterAccess::Read(start, 32),
        RegisterAccess::Read(start + 8, 32),
        RegisterAccess::Read(start + 12, 32),
        RegisterAccess::Read(start + 20, 16),
        RegisterAccess::Read(start + 22, 8),
        RegisterAccess::Write(start + 4, 32, 0xaabb_ccdd),
        RegisterAccess::Write(start + 20, 16, 0x1122),
        RegisterAccess::Write(start + 22, 8, 0x33),
    ];
    assert_eq!(model.log.iter().filter(of_the_device).copied().collect::<Vec<_>>(), expected);
}
