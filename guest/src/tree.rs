//! Reading the device tree (Devicetree Specification, version 0.4).

mod fdt;
mod interrupts;
mod memory;
mod pci;
#[cfg(test)]
mod tests;
mod virtio;

pub use self::fdt::DeviceTree;
pub use self::interrupts::InterruptMap;
pub use self::pci::PciHost;
