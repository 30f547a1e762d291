//! The list of capabilities.

use std::rc::Rc;

use aerostat_test_support::SoftPci;
use aerostat_test_support::soft_pci::{
    BAR, CFG_COMMON, CFG_DEVICE, CFG_ISR, CFG_NOTIFY, COMMON, DEVICE, ISR, NOTIFY, NOTIFY_LEN,
};
use aerostat_transport::Pci;
use aerostat_transport::pci::{PciError, PciFunction, Routing, StructureKind};
use pci_types::PciAddress;

use crate::{KINDS, add, find, missing, usual};

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
