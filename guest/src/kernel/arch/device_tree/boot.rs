//! Reading the device tree of the loader.

use core::ptr;

use aerostat_guest::{DeviceTree, MemoryMap, MmioDevice, RegionKind};
use dtoolkit::fdt::Fdt;
use spin::Once;

use crate::kernel::arch::message::Message;
use crate::kernel::boot::Boot;
use crate::kernel::memory;

static TREE: Once<DeviceTree<'static>> = Once::new();

/// Reads the tree at a physical address.
///
/// # Panics
///
/// If there is no device tree, or it has too many regions of memory.
pub(in super::super) fn read(address: usize) -> Boot {
    // SAFETY: the loader has put the tree there, mapped and aligned. Its memory is reserved below, so that no code writes
    // to it.
    let fdt = unsafe { Fdt::from_raw(ptr::with_exposed_provenance(address)) };
    let fdt = fdt.expect("the loader passes no device tree");
    let tree = *TREE.call_once(|| DeviceTree::new(fdt));
    let tree_addresses = address as u64..(address + fdt.data().len()) as u64;

    let mut map = MemoryMap::new();
    tree.add_memory(&mut map)
        .and_then(|()| map.add(tree_addresses, RegionKind::Reserved))
        .and_then(|()| map.add(memory::image(), RegionKind::Reserved))
        .expect("the device tree has too many regions of memory");
    Boot { memory: map, command_line: tree.command_line() }
}

/// Returns the tree, once it has been read.
pub(in super::super) fn tree() -> Option<DeviceTree<'static>> {
    TREE.get().copied()
}

/// Returns the virtio devices on MMIO of the machine.
pub(crate) fn virtio_mmio() -> impl Iterator<Item = MmioDevice> {
    tree().into_iter().flat_map(DeviceTree::virtio_mmio)
}

/// Returns `None`: this kernel has no driver for a controller of message-signaled interrupts. Devices use their lines.
pub(crate) fn on_message(_: fn()) -> Option<Message> {
    None
}
