//! Finds the structures of PCI functions with arbitrary contents.

use std::cell::RefCell;
use std::rc::Rc;

use aerostat_test_support::soft_pci::{
    BAR, CFG_COMMON, CFG_DEVICE, CFG_ISR, CFG_NOTIFY, COMMON, DEVICE, IO, ISR, LINE_DISABLED, MASTER, MEMORY, NOTIFY,
    NOTIFY_LEN,
};
use aerostat_test_support::{Bar, BarRegisters, SoftPci};
use aerostat_transport::Pci;
use aerostat_transport::pci::{BarIndex, BarRange, PciError, PciFunction, Routing, Space, StructureKind};
use pci_types::PciAddress;

/// Finds the structures and returns the ranges mapped for common configuration, ISR status, notifications, device configuration,
/// in this order.
fn find(function: &SoftPci) -> Result<Vec<BarRange>, PciError> {
    let mapped = Rc::new(RefCell::new(Vec::new()));
    let found = Pci::<BarRegisters, _>::new(&function.reach(), &mut function.mapper(&mapped), Routing::Line);
    function.assert_careful();
    assert!(function.config().reads < 20_000, "the search is bounded");
    found.map(|_| mapped.take())
}

fn range(offset: u32, len: u64) -> BarRange {
    BarRange { space: Space::Memory, address: u64::from(BAR) + u64::from(offset), len }
}

/// The ranges that are mapped of the usual function.
fn usual() -> Vec<BarRange> {
    vec![range(COMMON, 0x38), range(ISR, 1), range(NOTIFY, NOTIFY_LEN.into()), range(DEVICE, 0x100)]
}

fn missing(kind: StructureKind) -> Result<Vec<BarRange>, PciError> {
    Err(PciError::Missing(kind))
}

/// Adds one structure of the usual function.
fn add(function: &SoftPci, kind: u8) {
    match kind {
        CFG_COMMON => function.structure(kind, 0, COMMON, 0x38),
        CFG_NOTIFY => function.notify(0, NOTIFY, NOTIFY_LEN, 4),
        CFG_ISR => function.structure(kind, 0, ISR, 1),
        _ => function.structure(kind, 0, DEVICE, 0x100),
    };
}

const KINDS: [u8; 4] = [CFG_COMMON, CFG_NOTIFY, CFG_ISR, CFG_DEVICE];

/// The order of the capability list does not matter.
// conformance: pci.cap-discovery.8, pci.layout-detect.1, pci.layout-detect.4
#[test]
fn capabilities_are_found_in_any_order() {
    for first in 0..4 {
        for second in (0..4).filter(|second| *second != first) {
            for third in (0..4).filter(|third| ![first, second].contains(third)) {
                let function = SoftPci::bare();
                // Other capabilities are between them: power management, MSI, vital product data.
                function.capability(0x01, 8);
                for kind in [first, second, third, 6 - first - second - third] {
                    function.capability(0x05, 12);
                    add(&function, KINDS[kind]);
                }
                function.capability(0x03, 8);
                assert_eq!(find(&function), Ok(usual()));
            }
        }
    }
}

/// Structures of a reserved kind or in a reserved BAR are skipped, regardless of their other fields.
// conformance: pci.cap-discovery.1, pci.cap-discovery.4
#[test]
fn reserved_kinds_and_bars_are_ignored() {
    for reserved in [0, 6, 7, 10, 0x7f, 0xff] {
        let function = SoftPci::bare();
        function.structure(reserved, 0, 0, 0x100);
        KINDS.into_iter().for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), Ok(usual()), "cfg_type {reserved}");
    }
    for bar in [6, 7, 11, 40, 64, 0x80, 0xff] {
        let function = SoftPci::bare();
        for kind in KINDS {
            function.structure(kind, bar, 0, 0x100);
            add(&function, kind);
        }
        assert_eq!(find(&function), Ok(usual()), "bar {bar}");
        // Nothing but BARs and the command register was written, see `assert_careful`.
    }
}

/// Of several capabilities of a kind, the first usable one is used.
// conformance: pci.cap-discovery.2, pci.cap-discovery.7
#[test]
fn the_first_usable_capability_is_used() {
    let function = SoftPci::bare();
    for offset in [0x600, 0x640, 0x680] {
        function.structure(CFG_COMMON, 0, offset, 0x40);
    }
    [CFG_NOTIFY, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
    assert_eq!(find(&function).unwrap()[0].address, u64::from(BAR) + 0x600);

    for unusable in [
        // An absent BAR, ranges that leave the BAR, a structure that is too short, an empty one, an unaligned one.
        (1, 0, 0x40),
        (0, 0x1fd0, 0x40),
        (0, 0x2000, 0x40),
        (0, u32::MAX, 0x40),
        (0, 0x10, u32::MAX),
        (0, u32::MAX, u32::MAX),
        (0, 0, 0x37),
        (0, 0, 0),
        (0, 0x602, 0x40),
        (0, 0x601, 0x40),
    ] {
        let function = SoftPci::bare();
        function.structure(CFG_COMMON, unusable.0, unusable.1, unusable.2);
        KINDS.into_iter().for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), Ok(usual()), "{unusable:x?}");
        let function = SoftPci::bare();
        function.structure(CFG_COMMON, unusable.0, unusable.1, unusable.2);
        [CFG_NOTIFY, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), missing(StructureKind::Common), "{unusable:x?}");
    }
}

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

/// Longer capabilities are fine; shorter ones do not hold what they should.
// conformance: pci.cap-discovery.3
#[test]
fn the_length_of_a_capability_is_a_lower_bound() {
    let function = SoftPci::bare();
    function.virtio(32, 32, CFG_COMMON, 0, COMMON, 0x38);
    let notify = function.virtio(36, 36, CFG_NOTIFY, 0, NOTIFY, NOTIFY_LEN);
    function.config().put(notify + 16, 4);
    function.virtio(16, 0xff, CFG_ISR, 0, ISR, 1);
    function.virtio(16, 16, CFG_DEVICE, 0, DEVICE, 0x100);
    assert_eq!(find(&function), Ok(usual()));
    for cap_len in [0, 2, 15] {
        let function = SoftPci::bare();
        function.virtio(16, cap_len, CFG_COMMON, 0, 0x600, 0x38);
        KINDS.into_iter().for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), Ok(usual()), "{cap_len}");
    }
}

#[test]
fn a_cyclic_list_is_cut_off() {
    // To itself, to an earlier one, and to where no capability can be.
    let function = SoftPci::bare();
    let at = function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.config().bytes[usize::from(at) + 1] = at;
    assert_eq!(find(&function), missing(StructureKind::Notify));
    let function = SoftPci::with_structures();
    let last = function.capability(0x01, 8);
    function.config().bytes[usize::from(last) + 1] = 0x40;
    assert_eq!(find(&function), Ok(usual()));
    for next in [0x04, 0x10, 0x34, 0x3c, 0x3f] {
        let function = SoftPci::with_structures();
        let last = function.capability(0x01, 8);
        function.config().bytes[usize::from(last) + 1] = next;
        assert_eq!(find(&function), Ok(usual()), "{next:#x}");
    }
}

/// The header does not have capabilities, even if its contents look like one.
#[test]
fn a_pointer_into_the_header_ends_the_list() {
    let function = SoftPci::bare();
    [CFG_NOTIFY, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
    let last = function.capability(0x01, 8);
    {
        let config = &mut *function.config();
        config.bytes[usize::from(last) + 1] = 0x28;
        // Common configuration in BAR 0 at 0; the pointer to the first capability passes for its length.
        config.put(0x28, u32::from_le_bytes([0x09, 0, 16, CFG_COMMON]));
        assert_eq!(config.bytes[0x34], 0x40);
    }
    assert_eq!(find(&function), missing(StructureKind::Common));
}

/// The lowest two bits of a pointer are reserved, and not part of it.
#[test]
fn the_lowest_bits_of_a_pointer_are_masked() {
    for low in 1..4 {
        let function = SoftPci::with_structures();
        let mut link = 0x34;
        loop {
            let next = function.config().bytes[link];
            if next == 0 {
                break;
            }
            function.config().bytes[link] |= low;
            link = usize::from(next) + 1;
        }
        assert_eq!(find(&function), Ok(usual()));
    }
}

#[test]
fn a_capability_at_the_very_end_is_not_read_past_it() {
    for at in [0xf4_u8, 0xf8, 0xfc] {
        let function = SoftPci::bare();
        [CFG_NOTIFY, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
        let last = function.capability(0x01, 8);
        {
            let config = &mut *function.config();
            config.bytes[usize::from(last) + 1] = at;
            config.put(at, u32::from_le_bytes([0x09, 0, 16, CFG_COMMON]));
        }
        assert_eq!(find(&function), missing(StructureKind::Common), "{at:#x}");
    }
}

#[test]
fn the_missing_structure_is_reported() {
    let all = [(CFG_COMMON, StructureKind::Common), (CFG_NOTIFY, StructureKind::Notify), (CFG_ISR, StructureKind::Isr)];
    for (left_out, kind) in all {
        let function = SoftPci::bare();
        KINDS.into_iter().filter(|kind| *kind != left_out).for_each(|kind| add(&function, kind));
        assert_eq!(find(&function), missing(kind));
    }
    // Some devices have no configuration of their own.
    let function = SoftPci::bare();
    [CFG_COMMON, CFG_NOTIFY, CFG_ISR].into_iter().for_each(|kind| add(&function, kind));
    assert_eq!(find(&function), Ok(usual()[..3].to_vec()));
}

/// A legacy device is an error, not a panic.
// conformance: pci.layout-detect.5, pci.layout-detect.6
#[test]
fn a_function_without_virtio_capabilities_is_rejected() {
    assert_eq!(find(&SoftPci::bare()), Err(PciError::NoCapabilities));
    let function = SoftPci::bare();
    function.capability(0x01, 8);
    function.capability(0x11, 12);
    assert_eq!(find(&function), Err(PciError::NoCapabilities));
    // Without the bit in the status register the function has no list, regardless of the pointer.
    let function = SoftPci::with_structures();
    function.config().bytes[6] &= !0x10;
    assert_eq!(find(&function), Err(PciError::NoCapabilities));
}

// conformance: pci.discovery.1, pci.discovery.2, pci.discovery.3, pci.discovery.4
#[test]
fn virtio_functions_are_identified_by_vendor_and_device() {
    let id = |ids: u32, subsystem: u32, revision: u8| {
        let function = SoftPci::bare();
        function.config().put(0, ids);
        function.config().put(0x2c, subsystem);
        function.config().bytes[8] = revision;
        function.reach().virtio_device().map(|id| id.0)
    };
    for revision in [0, 1, 0xff] {
        assert_eq!(id(0x1045_1af4, 0, revision), Some(5));
        assert_eq!(id(0x1045_1af4, 0xffff_ffff, revision), Some(5), "the subsystem does not matter");
        assert_eq!(id(0x1002_1af4, 0x0005_1af4, revision), Some(5), "transitional");
    }
    assert_eq!(id(0x107f_1af4, 0, 1), Some(0x3f));
    for ids in [0x1040_1af4, 0x1080_1af4, 0x0fff_1af4, 0x1045_1af5, 0x1045_8086, 0, u32::MAX] {
        assert_eq!(id(ids, 0x0005_1af4, 1), None, "{ids:#x}");
    }
    let function = SoftPci::with_structures();
    let elsewhere = PciFunction::new(function.clone(), PciAddress::new(0, 0, 4, 0));
    assert_eq!(elsewhere.virtio_device(), None, "a missing function");
    let found = Pci::new(&elsewhere, &mut function.mapper(&Rc::default()), Routing::Line);
    assert_eq!(found.map(drop), Err(PciError::NotVirtio));
    assert_eq!(function.config().written, []);
}

#[test]
fn bars_of_every_kind_are_decoded() {
    let bar = |at: usize, kind: Bar| {
        let function = SoftPci::bare();
        function.config().set_bar(at, kind);
        let found = function.reach().bar(BarIndex::new(at as u8).unwrap());
        function.assert_careful();
        found.map(|found| (found.space, found.address, found.len))
    };
    let in_memory = |address, len| Some((Space::Memory, address, len));
    assert_eq!(bar(1, Bar::Memory32 { address: 0xe000_0000, len: 0x10 }), in_memory(0xe000_0000, 0x10));
    assert_eq!(bar(5, Bar::Memory32 { address: 0x8000_0000, len: 0x8000_0000 }), in_memory(0x8000_0000, 0x8000_0000));
    for (address, len) in [(0x38_0000_0000, 0x4000), (0x1_0000_0000, 0x1_0000_0000), (0x40_0000_0000, 0x40_0000_0000)] {
        assert_eq!(bar(2, Bar::Memory64 { address, len }), in_memory(address, len));
        assert_eq!(bar(4, Bar::Memory64 { address, len }), in_memory(address, len));
    }
    assert_eq!(bar(2, Bar::Memory64 { address: 0xfd00_0000, len: 0x4000 }), in_memory(0xfd00_0000, 0x4000));
    assert_eq!(bar(3, Bar::Ports { address: 0xc040, len: 0x40 }), Some((Space::Ports, 0xc040, 0x40)));
    assert_eq!(BarIndex::new(6), None);
}

#[test]
fn invalid_bars_are_none() {
    let bar = |at: usize, kind: Bar| {
        let function = SoftPci::bare();
        if let Bar::Memory64 { .. } = kind
            && at == 5
        {
            // The register for the upper half does not exist.
            function.config().set_bar(at, Bar::Raw { value: 0xfd00_0004, writable: 0xffff_c000 });
        } else {
            function.config().set_bar(at, kind);
        }
        let found = function.reach().bar(BarIndex::new(at as u8).unwrap());
        function.assert_careful();
        found
    };
    assert_eq!(bar(1, Bar::Unavailable), None);
    assert_eq!(bar(5, Bar::Memory64 { address: 0, len: 0 }), None, "a 64-bit BAR in the last register");
    for (value, writable) in [
        // Given no address, or not writable at all, or of a type that is not defined.
        (0x0000_0000, 0xffff_f000),
        (0xfd00_0000, 0),
        (0xfd00_0001, 0),
        (0x0000_0001, 0xffe0),
        (0xfd00_0002, 0xffff_f000),
        (0xfd00_0006, 0xffff_f000),
        (u32::MAX - 1, 0),
        (u32::MAX, 0),
    ] {
        let found = bar(1, Bar::Raw { value, writable });
        assert!(found.is_none_or(|range| range.address.checked_add(range.len).is_some()), "{value:#x} {found:?}");
        if writable == 0 || value & !0xf == 0 || value & 7 == 2 || value & 7 == 6 {
            let all_ones = value >= u32::MAX - 1;
            assert!(found.is_none() || all_ones, "{value:#x} {writable:#x} {found:?}");
        }
    }
    let top = Bar::Memory64 { address: 0xffff_ffff_ffff_c000, len: 0x4000 };
    let found = bar(2, top);
    assert!(found.is_none_or(|range| range.address.checked_add(range.len).is_some()), "{found:?}");
}

/// A structure in each kind of BAR is mapped where it is.
#[test]
fn structures_are_found_behind_64_bit_and_port_bars() {
    let function = SoftPci::bare();
    function.config().set_bar(2, Bar::Memory64 { address: 0x38_0000_0000, len: 0x4000 });
    function.config().set_bar(4, Bar::Ports { address: 0xc000, len: 0x80 });
    function.structure(CFG_COMMON, 2, 0x1000, 0x38);
    function.structure(CFG_ISR, 4, 0x40, 1);
    function.notify(4, 0x44, 4, 0);
    let memory = |address, len| BarRange { space: Space::Memory, address, len };
    let ports = |address, len| BarRange { space: Space::Ports, address, len };
    let found = find(&function).unwrap();
    assert_eq!(found, [memory(0x38_0000_1000, 0x38), ports(0xc040, 1), ports(0xc044, 4)]);
}

/// A capability that names the upper half of a BAR is ignored: the register is part of an address, although it may look like a
/// BAR of any type.
#[test]
fn the_upper_half_of_a_bar_is_not_a_bar() {
    // As a 32-bit BAR, a 64-bit BAR, and an I/O BAR.
    for upper in [0x10_u64, 0x14, 0x11] {
        for at in [0, 2, 4] {
            let function = SoftPci::bare();
            for bar in [0, 2, 4] {
                function.config().set_bar(bar, Bar::Memory64 { address: upper << 32, len: 0x4000 });
            }
            let bar = |index| function.reach().bar(BarIndex::new(index).unwrap());
            let whole = BarRange { space: Space::Memory, address: upper << 32, len: 0x4000 };
            assert_eq!((bar(at), bar(at + 1)), (Some(whole), None), "{at} {upper:#x}");
            for kind in KINDS {
                function.structure(kind, at + 1, 0, 0x10);
                function.structure(kind, at, 0x1000 * u32::from(kind - 1), 0x100);
            }
            assert_eq!(find(&function).unwrap().len(), 4, "in the BAR itself");
        }
    }
}

/// What was found is decoded and may interrupt, but does not access memory before it is reset. The rest of the command register
/// stays.
#[test]
fn the_function_is_enabled_and_nothing_else_changes() {
    for before in [0, IO | MEMORY | MASTER, 0x0140, LINE_DISABLED | 0x0140, !LINE_DISABLED] {
        let function = SoftPci::with_structures();
        function.config().bytes[4..6].copy_from_slice(&before.to_le_bytes());
        assert_eq!(find(&function), Ok(usual()));
        assert_eq!(function.command(), (before | IO | MEMORY) & !MASTER & !LINE_DISABLED, "{before:#x}");
    }
}

/// Learning the length of a BAR turns decoding off for a moment, and leaves the command register as it was.
#[test]
fn decoding_is_restored_after_probing_a_bar() {
    for before in [0, IO, MEMORY, IO | MEMORY, LINE_DISABLED | MEMORY] {
        for kind in [Bar::Memory32 { address: BAR, len: 0x1000 }, Bar::Unavailable, Bar::Raw { value: 7, writable: 0 }]
        {
            let function = SoftPci::bare();
            function.config().bytes[4..6].copy_from_slice(&before.to_le_bytes());
            function.config().set_bar(0, kind);
            let _ = function.reach().bar(BarIndex::new(0).unwrap());
            assert_eq!(function.command(), before, "{kind:?}");
            function.assert_careful();
        }
    }
}

/// A function that may access memory may be in use, and its driver needs its BARs.
#[test]
fn a_bar_is_not_probed_while_bus_mastering_is_enabled() {
    for kind in [Bar::Memory32 { address: BAR, len: 0x2000 }, Bar::Ports { address: 0xc000, len: 0x40 }] {
        for before in [MASTER, MASTER | MEMORY | IO, !0] {
            let function = SoftPci::bare();
            function.config().set_bar(0, kind);
            function.config().bytes[4..6].copy_from_slice(&before.to_le_bytes());
            assert_eq!((function.reach().bar(BarIndex::FIRST), &function.config().written[..]), (None, &[][..]));
        }
    }
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
