//! What a device tree says of the machine (Devicetree Specification, version 0.4).

mod interrupts;
mod pci;
#[cfg(test)]
mod tests;

use core::iter;
use core::ops::Range;

use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::standard::{NodeStandard, Status};
use dtoolkit::{Node, Property};

pub use self::interrupts::InterruptMap;
pub use self::pci::PciHost;
use crate::{Kind, MemoryMap, MmioDevice, TooManyRegions};

/// The device tree that a loader passes. What is missing in it, or written as nobody expects, is not there.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTree<'a> {
    fdt: Fdt<'a>,
}

impl<'a> DeviceTree<'a> {
    /// What `fdt` says.
    pub const fn new(fdt: Fdt<'a>) -> Self {
        Self { fdt }
    }

    /// The kernel command line (3.6).
    pub fn command_line(self) -> &'a str {
        self.chosen("bootargs").unwrap_or("")
    }

    /// The registers of the device that the console is on (3.6): physical addresses in bytes.
    pub fn console(self) -> Option<Range<u64>> {
        // A colon separates the settings of the line from the path.
        let path = self.chosen("stdout-path")?.split(':').next()?;
        registers(self.fdt.find_node(path)?).next()
    }

    /// Adds physical memory to `map` (3.4), and what of it is reserved (3.5, 5.3).
    ///
    /// # Errors
    ///
    /// [`TooManyRegions`] when there is no room in the map.
    pub fn memory(self, map: &mut MemoryMap) -> Result<(), TooManyRegions> {
        let is_memory = |node: &FdtNode<'a>| text(*node, "device_type") == Some("memory");
        let memory = self.fdt.root().children().filter(is_memory).flat_map(registers);
        let reserved = self.fdt.root().child("reserved-memory").into_iter();
        let reserved = reserved.flat_map(|node| node.children()).flat_map(registers);
        let reservations = self.fdt.memory_reservations();
        let reservations = reservations.map(|one| one.address()..one.address().saturating_add(one.size()));
        let reserved = reserved.chain(reservations).map(|addresses| (addresses, Kind::Reserved));
        let mut regions = memory.map(|addresses| (addresses, Kind::Ram)).chain(reserved);
        regions.try_for_each(|(addresses, kind)| map.add(addresses, kind))
    }

    /// The first blocks of registers of the first device that is `compatible`: physical addresses in bytes.
    pub fn device<const BLOCKS: usize>(self, compatible: &str) -> Option<[Range<u64>; BLOCKS]> {
        let mut blocks = registers(self.find(compatible)?);
        let mut found = [const { 0..0 }; BLOCKS];
        for block in &mut found {
            *block = blocks.next()?;
        }
        Some(found)
    }

    /// The virtio devices on MMIO.
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

    /// Ticks a second of the time that RISC-V harts keep (RISC-V's additions to 3.8).
    pub fn timebase_frequency(self) -> Option<u32> {
        number(self.fdt.find_node("/cpus")?, "timebase-frequency")
    }

    /// The first device that is `compatible`.
    fn find(self, compatible: &str) -> Option<FdtNode<'a>> {
        self.nodes().find(|node| node.is_compatible(compatible))
    }

    /// The devices that are in working order, on the bus of the CPU or one bus away.
    fn nodes(self) -> impl Iterator<Item = FdtNode<'a>> + 'a {
        let nodes = self.fdt.root().children().flat_map(|node| iter::once(node).chain(node.children()));
        nodes.filter(|node| node.status() == Ok(Status::Okay))
    }

    fn chosen(self, property: &str) -> Option<&'a str> {
        text(self.fdt.find_node("/chosen")?, property)
    }
}

/// The blocks of registers of a device. Buses are taken to pass addresses on as they are.
fn registers<'a>(node: FdtNode<'a>) -> impl Iterator<Item = Range<u64>> + 'a {
    node.reg().ok().flatten().into_iter().flatten().filter_map(|block| {
        let start: u64 = block.address().ok()?;
        Some(start..start.checked_add(block.size().ok()?)?)
    })
}

fn text<'a>(node: FdtNode<'a>, property: &str) -> Option<&'a str> {
    node.property(property)?.value_as().ok()
}

fn number(node: FdtNode<'_>, property: &str) -> Option<u32> {
    node.property(property)?.value_as().ok()
}
