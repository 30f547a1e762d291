//! The device tree: its properties that concern the whole machine, and access to its nodes.

use core::iter;
use core::ops::Range;

use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::standard::{NodeStandard, Status};
use dtoolkit::{Node, Property};

/// The device tree that a loader passes. Nodes and properties of an unexpected form are treated as missing.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTree<'a> {
    pub(super) fdt: Fdt<'a>,
}

impl<'a> DeviceTree<'a> {
    /// Wraps a flattened device tree.
    pub const fn new(fdt: Fdt<'a>) -> Self {
        Self { fdt }
    }

    /// Returns the kernel command line (3.6).
    pub fn command_line(self) -> &'a str {
        self.chosen("bootargs").unwrap_or("")
    }

    /// Returns the registers of the console's device (3.6): physical addresses in bytes.
    pub fn console(self) -> Option<Range<u64>> {
        // A colon separates the path from the settings of the serial line.
        let path = self.chosen("stdout-path")?.split(':').next()?;
        registers(self.fdt.find_node(path)?).next()
    }

    /// Returns the first blocks of registers of the first device that is `compatible`: physical addresses in bytes.
    pub fn device<const BLOCKS: usize>(self, compatible: &str) -> Option<[Range<u64>; BLOCKS]> {
        let mut blocks = registers(self.find(compatible)?);
        let mut found = [const { 0..0 }; BLOCKS];
        for block in &mut found {
            *block = blocks.next()?;
        }
        Some(found)
    }

    /// Returns the frequency of the time register of RISC-V harts, in Hz (RISC-V's additions to 3.8).
    pub fn timebase_frequency(self) -> Option<u32> {
        number(self.fdt.find_node("/cpus")?, "timebase-frequency")
    }

    /// Returns the first device that is `compatible`.
    pub(super) fn find(self, compatible: &str) -> Option<FdtNode<'a>> {
        self.nodes().find(|node| node.is_compatible(compatible))
    }

    /// Returns the enabled devices, on the bus of the CPU or one bus below it.
    pub(super) fn nodes(self) -> impl Iterator<Item = FdtNode<'a>> + 'a {
        let nodes = self.fdt.root().children().flat_map(|node| iter::once(node).chain(node.children()));
        nodes.filter(|node| node.status() == Ok(Status::Okay))
    }

    fn chosen(self, property: &str) -> Option<&'a str> {
        text(self.fdt.find_node("/chosen")?, property)
    }
}

/// Returns the blocks of registers of a device. Assumes that buses do not translate addresses.
pub(super) fn registers<'a>(node: FdtNode<'a>) -> impl Iterator<Item = Range<u64>> + 'a {
    node.reg().ok().flatten().into_iter().flatten().filter_map(|block| {
        let start: u64 = block.address().ok()?;
        Some(start..start.checked_add(block.size().ok()?)?)
    })
}

pub(super) fn text<'a>(node: FdtNode<'a>, property: &str) -> Option<&'a str> {
    node.property(property)?.value_as().ok()
}

pub(super) fn number(node: FdtNode<'_>, property: &str) -> Option<u32> {
    node.property(property)?.value_as().ok()
}
