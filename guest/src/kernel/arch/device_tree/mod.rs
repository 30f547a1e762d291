//! What the architectures share that find out about their machine from a device tree.

mod lines;
mod pci;

use core::ptr;

use aerostat_guest::{DeviceTree, Kind, MemoryMap, MmioDevice};
use dtoolkit::fdt::Fdt;
use spin::Once;

pub(super) use self::lines::{add, handle};
pub(crate) use self::pci::{BarIo, config as pci_config, line as pci_line, map_bar};
use crate::kernel::arch::Message;
use crate::kernel::{Boot, memory};

static TREE: Once<DeviceTree<'static>> = Once::new();

/// Reads the tree at a physical address.
pub(super) fn boot(address: usize) -> Boot {
    // SAFETY: this is where the loader has put the tree, mapped and aligned, and nobody writes to it: its memory is
    // reserved below.
    let fdt = unsafe { Fdt::from_raw(ptr::with_exposed_provenance(address)) };
    let fdt = fdt.expect("the loader passes no device tree");
    let tree = *TREE.call_once(|| DeviceTree::new(fdt));
    let itself = address as u64..(address + fdt.data().len()) as u64;

    let mut map = MemoryMap::new();
    tree.memory(&mut map)
        .and_then(|()| map.add(itself, Kind::Reserved))
        .and_then(|()| map.add(memory::image(), Kind::Reserved))
        .expect("the device tree has too many regions of memory");
    Boot { memory: map, command_line: tree.command_line() }
}

/// What the tree says, once it is read.
pub(super) fn tree() -> Option<DeviceTree<'static>> {
    TREE.get().copied()
}

/// The virtio devices on MMIO that the machine describes.
pub(crate) fn virtio_mmio() -> impl Iterator<Item = MmioDevice> {
    tree().into_iter().flat_map(DeviceTree::virtio_mmio)
}

/// `None`: no controller of messages has a driver here, and devices interrupt by their lines.
pub(crate) fn on_message(_: fn()) -> Option<Message> {
    None
}
