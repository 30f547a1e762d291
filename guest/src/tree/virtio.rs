//! Virtio devices on MMIO.

use dtoolkit::standard::NodeStandard;

use super::fdt::{DeviceTree, registers};
use crate::mmio::MmioDevice;

impl<'a> DeviceTree<'a> {
    /// Returns the virtio devices on MMIO.
    pub fn virtio_mmio(self) -> impl Iterator<Item = MmioDevice> + 'a {
        self.nodes().filter(|node| node.is_compatible("virtio,mmio")).filter_map(move |node| {
            let registers = registers(node).next()?;
            Some(MmioDevice {
                address: registers.start,
                bytes: registers.end - registers.start,
                interrupt: self.interrupt_of(node, 0)?,
            })
        })
    }
}
