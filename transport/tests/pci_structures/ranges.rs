//! The ranges of structures, and how they are mapped.

use std::rc::Rc;

use aerostat_test_support::soft_pci::{CFG_COMMON, CFG_DEVICE, CFG_ISR, CFG_NOTIFY};
use aerostat_test_support::{Bar, SoftPci};
use aerostat_transport::Pci;
use aerostat_transport::pci::{BarRange, PciError, Routing, Space, StructureKind};

use crate::{KINDS, add, find, missing, range, usual};

#[test]
fn a_structure_may_end_where_its_bar_ends() {
    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, 0x2000 - 0x38, 0x38);
    [CFG_NOTIFY, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
    assert_eq!(find(&function).unwrap()[0], range(0x2000 - 0x38, 0x38));
}

/// A structure must not extend past its BAR by even one byte.
#[test]
fn a_structure_that_ends_outside_its_bar_is_ignored() {
    for (offset, length) in [(0x2000, 1), (0x1fff, 2), (0x2001, 1), (0, 0x2001), (1, 0x2000), (u32::MAX, 1)] {
        let function = SoftPci::bare();
        function.structure(CFG_ISR, 0, offset, length);
        [CFG_COMMON, CFG_NOTIFY].into_iter().for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), missing(StructureKind::Isr), "{offset:#x} {length:#x}");
    }
    let function = SoftPci::bare();
    function.structure(CFG_ISR, 0, 0x1fff, 1);
    [CFG_COMMON, CFG_NOTIFY].into_iter().for_each(|kind| add(&function, kind));
    assert_eq!(find(&function).map(|mapped| mapped[1]), Ok(range(0x1fff, 1)));
}

/// Only the known part of a larger structure is mapped.
// conformance: core.config.6, pci.cap-discovery.5, pci.cap-discovery.6
#[test]
fn only_the_known_part_of_a_large_structure_is_mapped() {
    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, 0, 0x2000);
    function.structure(CFG_ISR, 0, 0, 0x2000);
    function.notify(0, 0, 0x2000, 4);
    let mapped = find(&function).unwrap();
    assert!(mapped[0].len < 0x100, "{:?}", mapped[0]);
    assert_eq!((mapped[1].len, mapped[2].len), (1, 0x2000));
}

#[test]
fn the_range_that_cannot_be_mapped_is_reported() {
    for rejected in 0..4 {
        let function = SoftPci::with_structures();
        let mut left = rejected;
        let mut map = |range| {
            left -= 1;
            (left >= 0).then(|| function.mapper(&Rc::default())(range)).flatten()
        };
        let error = Pci::new(&function.reach(), &mut map, Routing::Line).map(drop).unwrap_err();
        assert_eq!(error, PciError::Unmapped { range: usual()[rejected as usize] });
    }
    // A mapping that is shorter than requested counts as failed.
    let function = SoftPci::with_structures();
    let mut map = |range: BarRange| function.mapper(&Rc::default())(BarRange { len: range.len - 1, ..range });
    let error = Pci::new(&function.reach(), &mut map, Routing::Line).map(drop).unwrap_err();
    assert_eq!(error, PciError::Unmapped { range: usual()[0] });
}

/// The first capability that the kernel can map. QEMU describes notifications in an I/O BAR first, and in a
/// memory BAR second, with `modern-pio-notify=on`.
// conformance: pci.cap-discovery.2
#[test]
fn the_next_capability_is_used_if_the_first_cannot_be_mapped() {
    for kind in KINDS {
        let function = SoftPci::bare();
        function.config().set_bar(2, Bar::Ports { address: 0xc000, len: 0x200 });
        for other in KINDS {
            if other == kind {
                match kind {
                    CFG_NOTIFY => function.notify(2, 0, 4, 2),
                    _ => function.structure(kind, 2, 0, 0x40),
                };
            }
            add(&function, other);
        }
        let mapped = Rc::default();
        let mut memory = function.mapper(&mapped);
        let mut map = |range: BarRange| if range.space == Space::Memory { memory(range) } else { None };
        let transport = Pci::new(&function.reach(), &mut map, Routing::Line).unwrap();
        assert_eq!(mapped.take(), usual(), "{kind}");
        // The multiplier is that of the capability that is used.
        drop(transport);
    }
    // With nothing else, the error names the range that a device prefers.
    let function = SoftPci::bare();
    function.config().set_bar(2, Bar::Ports { address: 0xc000, len: 0x200 });
    [CFG_COMMON, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
    function.notify(2, 0, 4, 2);
    function.notify(2, 0x80, 4, 2);
    let mut memory = function.mapper(&Rc::default());
    let mut map = |range: BarRange| if range.space == Space::Memory { memory(range) } else { None };
    let error = Pci::new(&function.reach(), &mut map, Routing::Line).map(drop).unwrap_err();
    let range = BarRange { space: Space::Ports, address: 0xc000, len: 4 };
    assert_eq!(error, PciError::Unmapped { range });
}

/// The device chooses addresses and lengths: what is mapped is bounded.
// conformance: core.config.6, pci.cap-discovery.6
#[test]
fn the_range_of_a_structure_is_bounded() {
    let function = SoftPci::bare();
    function.config().set_bar(0, Bar::Memory64 { address: 1 << 40, len: 1 << 32 });
    function.structure(CFG_COMMON, 0, 0, 0x8000_0000);
    function.structure(CFG_ISR, 0, 0x40, 0x8000_0000);
    function.notify(0, 0x44, 0xffff_0000, 4);
    function.structure(CFG_DEVICE, 0, 0x48, 0xffff_0000);
    let lengths: Vec<u64> = find(&function).unwrap().iter().map(|range| range.len).collect();
    assert_eq!(lengths, [0x40, 1, 16 << 20, 64 << 10]);
    // No CPU has these addresses.
    for address in [1 << 56, 1 << 60, 1 << 63] {
        let function = SoftPci::bare();
        function.config().set_bar(0, Bar::Memory64 { address, len: 0x2000 });
        KINDS.into_iter().for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), missing(StructureKind::Notify), "{address:#x}");
    }
}
