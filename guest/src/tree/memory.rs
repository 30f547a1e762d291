//! Physical memory.

use dtoolkit::Node;
use dtoolkit::fdt::FdtNode;

use super::fdt::{DeviceTree, registers, text};
use crate::map::{MemoryMap, RegionKind, TooManyRegions};

impl<'a> DeviceTree<'a> {
    /// Adds physical memory to `map` (3.4), and the reserved parts of it (3.5, 5.3).
    ///
    /// # Errors
    ///
    /// [`TooManyRegions`] if the map is full.
    pub fn add_memory(self, map: &mut MemoryMap) -> Result<(), TooManyRegions> {
        let is_memory = |node: &FdtNode<'a>| text(*node, "device_type") == Some("memory");
        let memory = self.fdt.root().children().filter(is_memory).flat_map(registers);
        let reserved = self.fdt.root().child("reserved-memory").into_iter();
        let reserved = reserved.flat_map(|node| node.children()).flat_map(registers);
        let reservations = self.fdt.memory_reservations();
        let reservations = reservations.map(|region| region.address()..region.address().saturating_add(region.size()));
        let reserved = reserved.chain(reservations).map(|addresses| (addresses, RegionKind::Reserved));
        let mut regions = memory.map(|addresses| (addresses, RegionKind::Ram)).chain(reserved);
        regions.try_for_each(|(addresses, kind)| map.add(addresses, kind))
    }
}
