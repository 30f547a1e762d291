//! Buffers that are described by a table of their own and take one descriptor of the ring ("Indirect Descriptors", 2.7.5.3
//! and 2.8.7).

use core::alloc::Layout;
use core::mem::offset_of;

use aerostat_spec::ring::{Desc, DescFlags, PackedDesc};

use crate::dma::{DeviceAddress, DmaRegion};
use crate::queue::rules::{Format, Rules};
use crate::queue::{Access, Element};

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
            let at = start + ENTRY * entry;
            let flags = DescFlags::new().with_write(element.access == Access::DeviceWrites);
            match rules.format {
                Format::Split => {
                    let following = entry + 1;
                    let goes_on = following < elements.len();
                    memory.write(at + offset_of!(Desc, addr), rules.order64(element.address.0));
                    memory.write(at + offset_of!(Desc, len), rules.order32(element.len));
                    memory.write(at + offset_of!(Desc, flags), rules.order16(flags.with_next(goes_on).into_bits()));
                    // A table has no more than 65535 entries.
                    memory
                        .write(at + offset_of!(Desc, next), rules.order16(if goes_on { following as u16 } else { 0 }));
                }
                Format::Packed => {
                    memory.write(at + offset_of!(PackedDesc, addr), element.address.0.to_le());
                    memory.write(at + offset_of!(PackedDesc, len), element.len.to_le());
                    memory.write(at + offset_of!(PackedDesc, id), 0_u16);
                    memory.write(at + offset_of!(PackedDesc, flags), flags.into_bits().to_le());
                }
            }
        }
        Element {
            address: DeviceAddress(memory.device_address().0.wrapping_add(start as u64)),
            // At most 1 MiB.
            len: (ENTRY * elements.len()) as u32,
            access: Access::DeviceReads,
        }
    }
}
