//! The PCI host bridge (PCI Bus Binding to Open Firmware; "pci-host-ecam-generic").

use core::ops::Range;

use super::fdt::{DeviceTree, registers};
use super::interrupts::InterruptMap;
use crate::windows::{PciWindow, PciWindows};

/// Bits of the first word of a bus address: the address space.
const SPACE: u32 = 3 << 24;
/// I/O space.
const PORTS: u32 = 1 << 24;
/// Memory below 4 GiB.
const MEMORY: u32 = 2 << 24;

/// A PCI host bridge.
#[derive(Clone, Debug)]
pub struct PciHost<'a> {
    /// Physical addresses of configuration space (ECAM), which starts with bus 0.
    pub ecam: Range<u64>,
    /// The windows of the CPU to the bus.
    pub windows: PciWindows,
    /// The routing of interrupt lines.
    pub interrupts: InterruptMap<'a>,
}

impl<'a> DeviceTree<'a> {
    /// Returns the first host bridge with ECAM.
    pub fn pci_host(self) -> Option<PciHost<'a>> {
        let host = self.find("pci-host-ecam-generic")?;
        let mut windows = PciWindows::default();
        for range in host.ranges().ok()?? {
            let [space, upper, lower] = range.child_bus_address.as_ref() else { return None };
            let window = PciWindow {
                bus: u64::from(upper.get()) << 32 | u64::from(lower.get()),
                cpu: range.parent_bus_address().ok()?,
                bytes: range.length().ok()?,
            };
            match space.get() & SPACE {
                PORTS => windows.ports = Some(window),
                MEMORY => windows.memory = Some(window),
                _ => {}
            }
        }
        Some(PciHost { ecam: registers(host).next()?, windows, interrupts: InterruptMap::of(self, host)? })
    }
}
