//! Indirect descriptors: a table describes a whole buffer, which takes one descriptor of the ring ("Indirect Descriptors",
//! 2.7.5.3 and 2.8.7).

use core::alloc::Layout;

use aerostat_spec::ring::{Desc, DescFlags, PackedDesc};

use crate::dma::{DeviceAddress, DmaRegion};
use crate::ring::element::{Access, Element};
use crate::ring::packed;
use crate::ring::rules::{Format, Rules};
use crate::ring::split;

/// Size in bytes of a table entry, in either format.
const ENTRY: usize = {
    assert!(size_of::<Desc>() == size_of::<PackedDesc>(), "entries of both formats have the same size");
    size_of::<Desc>()
};

/// The indirect tables of a queue, one for each descriptor, behind the ring in the same memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndirectTables {
    /// Offset of the first table in bytes.
    start: usize,
    /// Entries of each table.
    entries: u16,
}

impl IndirectTables {
    /// Places `count` tables behind a ring, and returns the layout of both together. `None` if it overflows.
    pub(crate) fn behind(ring: Layout, count: usize, entries: u16) -> Option<(Layout, Self)> {
        let tables = Layout::array::<[u8; ENTRY]>(count.checked_mul(entries.into())?).ok()?.align_to(ENTRY).ok()?;
        let (both, start) = ring.extend(tables).ok()?;
        Some((both, Self { start, entries }))
    }

    /// Returns whether a buffer of this many elements is described by a table.
    #[inline]
    pub(crate) fn fit(&self, elements: usize) -> bool {
        (2..=self.entries.into()).contains(&elements)
    }

    /// Fills the table of the descriptor `head`, and returns the table as the element that the descriptor refers to.
    pub(crate) fn fill(&self, memory: &DmaRegion, rules: Rules, head: u16, elements: &[Element]) -> Element {
        let start = self.start + ENTRY * usize::from(head) * usize::from(self.entries);
        for (entry, element) in elements.iter().enumerate() {
            let flags = DescFlags::new().with_write(element.access == Access::DeviceWrites);
            let words = match rules.format {
                Format::Split if entry + 1 < elements.len() => {
                    // A table has at most 65535 entries.
                    split::descriptor(rules, element, flags.with_next(true), entry as u16 + 1)
                }
                Format::Split => split::descriptor(rules, element, flags, 0),
                Format::Packed => packed::descriptor(element, 0, flags.into_bits()),
            };
            memory.write_pair(start + ENTRY * entry, words);
        }
        Element {
            address: DeviceAddress(memory.device_address().0.wrapping_add(start as u64)),
            // At most 1 MiB.
            len: (ENTRY * elements.len()) as u32,
            access: Access::DeviceReads,
        }
    }
}
