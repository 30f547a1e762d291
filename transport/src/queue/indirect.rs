//! Buffers that are described by a table of their own and take one descriptor of the ring ("Indirect Descriptors", 2.7.5.3
//! and 2.8.7).

use core::alloc::Layout;

use aerostat_spec::ring::{Desc, DescFlags, PackedDesc};

use crate::dma::{DeviceAddress, DmaRegion};
use crate::queue::rules::{Format, Rules};
use crate::queue::{Access, Element, packed, split};

/// Bytes of an entry of a table, in either format.
const ENTRY: usize = {
    assert!(size_of::<Desc>() == size_of::<PackedDesc>(), "tables of both formats have the same size");
    size_of::<Desc>()
};

/// Tables of descriptors, one for each descriptor of the ring, in the same memory behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tables {
    start: usize,
    /// Entries of each table.
    entries: u16,
}

impl Tables {
    /// Tables behind a ring of `ring`, `count` of them, and the layout of both together. `None` where there is no such layout.
    pub(crate) fn behind(ring: Layout, count: usize, entries: u16) -> Option<(Layout, Self)> {
        let tables = Layout::array::<[u8; ENTRY]>(count.checked_mul(entries.into())?).ok()?.align_to(ENTRY).ok()?;
        let (both, start) = ring.extend(tables).ok()?;
        Some((both, Self { start, entries }))
    }

    /// Entries of each table.
    pub(crate) const fn entries(&self) -> u16 {
        self.entries
    }

    /// Fills the table of the descriptor `head`, and returns what the descriptor points to.
    pub(crate) fn fill(&self, memory: &DmaRegion, rules: Rules, head: u16, elements: &[Element]) -> Element {
        let start = self.start + ENTRY * usize::from(head) * usize::from(self.entries);
        for (entry, element) in elements.iter().enumerate() {
            let flags = DescFlags::new().with_write(element.access == Access::DeviceWrites);
            let words = match rules.format {
                Format::Split if entry + 1 < elements.len() => {
                    // A table has no more than 65535 entries.
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
