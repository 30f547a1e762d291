//! Enumeration of the PCI bus.

use pci_types::{ConfigRegionAccess, HeaderType, PciAddress, PciHeader, PciPciBridgeHeader};

/// The vendor id of a function that does not exist.
const NO_FUNCTION: u16 = 0xffff;

/// Calls `found` with the address of every function on `bus` and behind its bridges.
pub(crate) fn scan(config: &impl ConfigRegionAccess, bus: u8, found: &mut impl FnMut(PciAddress)) {
    for device in 0..32 {
        let first = PciHeader::new(PciAddress::new(0, bus, device, 0));
        if first.id(config).0 == NO_FUNCTION {
            continue;
        }
        let functions = if first.has_multiple_functions(config) { 8 } else { 1 };
        for function in 0..functions {
            let header = PciHeader::new(PciAddress::new(0, bus, device, function));
            if header.id(config).0 == NO_FUNCTION {
                continue;
            }
            found(header.address());
            if header.header_type(config) == HeaderType::PciPciBridge
                && let Some(bridge) = PciPciBridgeHeader::from_header(header, config)
                // Firmware numbers the buses behind a bridge upwards. The check prevents an endless recursion.
                && bridge.secondary_bus_number(config) > bus
            {
                scan(config, bridge.secondary_bus_number(config), found);
            }
        }
    }
}
