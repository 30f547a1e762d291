//! BARs, and the decoding of their addresses.

use aerostat_test_support::soft_pci::{BAR, CFG_COMMON, CFG_ISR, IO, LINE_DISABLED, MASTER, MEMORY};
use aerostat_test_support::{Bar, SoftPci};
use aerostat_transport::pci::{BarIndex, BarRange, Space};

use crate::{KINDS, find, usual};

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
