//! The device is on PCI, with the modern interface and INTx.

use core::ptr::NonNull;

use aerostat_balloon::transport::pci::{BarRange, ConfigPorts, Pci, PciFunction, Routing};
use aerostat_balloon::transport::{CpuPorts, MmioRegion};
use pci_types::PciAddress;

pub(crate) type Bus = Pci<MmioRegion, ConfigPorts<CpuPorts>>;

pub(crate) fn open(window: NonNull<u8>, function: u8) -> Option<Bus> {
    // SAFETY: the program is never run.
    let ports = unsafe { ConfigPorts::new(CpuPorts::new()) };
    let function = PciFunction::new(ports, PciAddress::new(0, function, 0, 0));
    // SAFETY: the program is never run.
    let mut map = |range: BarRange| Some(unsafe { MmioRegion::new(window, range.len as usize) });
    Pci::new(&function, &mut map, Routing::Line).ok()
}
