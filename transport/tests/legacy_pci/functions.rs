//! Functions with the legacy interface, and their I/O BAR.

use aerostat_spec::Interface;
use aerostat_test_support::legacy_ports::LegacyPorts;
use aerostat_test_support::{Bar, SoftPci};
use aerostat_transport::pci::{BarRange, LegacyPci, PciError, Routing, Space};
use aerostat_transport::{Pci, Transport};

use crate::{PORTS, mapper, messages, transitional};

/// Transitional ids and revision 0, and a first BAR in I/O space with room for the registers.
// conformance: pci.legacy-layout.1, pci.layout-detect.2
#[test]
fn a_function_without_the_legacy_interface_is_rejected() {
    let take = |function: &SoftPci| {
        let mut map = |_: BarRange| Some(LegacyPorts::new());
        LegacyPci::new(&function.reach(), &mut map, Routing::Line).map(|found| found.device_id().0)
    };
    assert_eq!(take(&transitional(0x40)), Ok(42));
    for id in [0x1000_u16, 0x103f] {
        let function = transitional(0x40);
        function.config().bytes[2..4].copy_from_slice(&id.to_le_bytes());
        assert_eq!(take(&function), Ok(42), "{id:#x}");
    }
    for (id, error) in
        [(0x0fff_u16, PciError::NotVirtio), (0x1040, PciError::NotVirtio), (0x106a, PciError::NoLegacyInterface)]
    {
        let function = transitional(0x40);
        function.config().bytes[2..4].copy_from_slice(&id.to_le_bytes());
        assert_eq!(take(&function), Err(error), "{id:#x}");
    }
    for revision in [1, 0x10, 0xff] {
        let function = transitional(0x40);
        function.config().bytes[8] = revision;
        assert_eq!(take(&function), Err(PciError::NoLegacyInterface), "revision {revision}");
    }
    for bar in [
        Bar::Unavailable,
        Bar::Memory32 { address: 0xfe00_0000, len: 0x1000 },
        Bar::Memory64 { address: 0xfe00_0000, len: 0x1000 },
        // Too short, without an address, and one that wraps around.
        Bar::Ports { address: PORTS, len: 4 },
        Bar::Ports { address: PORTS, len: 16 },
        Bar::Ports { address: 0, len: 0x40 },
        Bar::Raw { value: 0xffff_fffd, writable: 0 },
        Bar::Raw { value: 1, writable: 0 },
        Bar::Raw { value: 0xffff_ffff, writable: u32::MAX },
    ] {
        let function = transitional(0x40);
        function.config().set_bar(0, bar);
        assert_eq!(take(&function), Err(PciError::NoLegacyInterface), "{bar:?}");
        assert_eq!(function.command() & aerostat_test_support::soft_pci::MASTER, 0, "the function is not enabled");
    }
    let function = transitional(0x40);
    function.config().bytes[..2].copy_from_slice(&0x8086_u16.to_le_bytes());
    assert_eq!(take(&function), Err(PciError::NotVirtio));
}

/// The device chooses the length of its BAR: what is mapped is bounded.
#[test]
fn the_mapped_range_is_bounded() {
    for (writable, len) in
        [(0xffff_fff0_u32, 0x10_u64), (0xffff_0000, 0x1_0000), (0xfffe_0000, 0x1_0000), (1 << 31, 0x1_0000)]
    {
        let (function, mut mapped) = (transitional(0x40), vec![]);
        let value = 1 << 31 | 1;
        function.config().set_bar(0, Bar::Raw { value, writable });
        let mut map = |range: BarRange| {
            mapped.push((range.space, range.address, range.len));
            Some(LegacyPorts::new())
        };
        let found = LegacyPci::new(&function.reach(), &mut map, Routing::Line).map(drop);
        let is_long_enough = len >= 20;
        assert_eq!(found, if is_long_enough { Ok(()) } else { Err(PciError::NoLegacyInterface) }, "{writable:#x}");
        assert_eq!(mapped, if is_long_enough { vec![(Space::Ports, 1 << 31, len)] } else { vec![] }, "{writable:#x}");
    }
}

/// An earlier driver may have left bus mastering enabled.
#[test]
fn bus_mastering_is_disabled_before_the_bar_is_probed() {
    use aerostat_test_support::soft_pci::MASTER;
    let function = transitional(0x40);
    function.config().bytes[4] |= MASTER as u8;
    let transport = LegacyPci::new(&function.reach(), &mut mapper(&function, &LegacyPorts::new()), Routing::Line);
    assert_eq!((transport.map(drop), function.command() & MASTER), (Ok(()), 0));
    function.assert_careful();
}

#[test]
fn a_bar_that_is_not_mapped_or_too_short_is_an_error() {
    let function = transitional(0x40);
    let range = BarRange { space: Space::Ports, address: u64::from(PORTS), len: 0x40 };
    let rejected = LegacyPci::new(&function.reach(), &mut |_: BarRange| None::<LegacyPorts>, Routing::Line).map(drop);
    assert_eq!(rejected, Err(PciError::Unmapped { range }));
    for len in [0, 1, 16, 17, 18, 19] {
        let old = LegacyPorts::new();
        old.model().len = len;
        let mut map = |_: BarRange| Some(old.clone());
        let rejected = LegacyPci::new(&function.reach(), &mut map, Routing::Line).map(drop);
        assert_eq!(rejected, Err(PciError::Unmapped { range }), "{len}");
        assert!(old.model().log.is_empty());
    }
}

/// A function with virtio capabilities gets the modern interface, and a transitional function without them the
/// legacy interface. A function with neither is an error, and is not changed.
// conformance: core.conformance.2, pci.layout-detect.1, pci.layout-detect.2, pci.layout-detect.3, pci.layout-detect.4
// conformance: pci.layout-detect.5, pci.layout-detect.6
#[test]
fn either_takes_the_modern_interface_before_the_legacy_one() {
    let take = |function: &SoftPci| {
        let old = LegacyPorts::new();
        let found = Pci::either(&function.reach(), &mut mapper(function, &old), Routing::Line);
        found.map(|found| (found.interface(), found.name(), found.device_id().0))
    };
    assert_eq!(take(&transitional(0x40)), Ok((Interface::Legacy, "PCI, legacy", 42)));
    assert_eq!(take(&SoftPci::with_structures()), Ok((Interface::Modern, "PCI, modern", 42)));

    // Both: structures in the second BAR, registers in the first.
    let function = transitional(0x40);
    function.config().set_bar(1, Bar::Memory32 { address: aerostat_test_support::soft_pci::BAR, len: 0x2000 });
    function.structure(aerostat_test_support::soft_pci::CFG_COMMON, 1, aerostat_test_support::soft_pci::COMMON, 0x38);
    function.notify(1, aerostat_test_support::soft_pci::NOTIFY, aerostat_test_support::soft_pci::NOTIFY_LEN, 4);
    function.structure(aerostat_test_support::soft_pci::CFG_ISR, 1, aerostat_test_support::soft_pci::ISR, 1);
    assert_eq!(take(&function), Ok((Interface::Modern, "PCI, modern", 42)));

    // One capability is missing: neither a legacy device nor a usable modern one.
    let function = transitional(0x40);
    function.structure(aerostat_test_support::soft_pci::CFG_ISR, 1, aerostat_test_support::soft_pci::ISR, 1);
    assert!(matches!(take(&function), Err(PciError::Missing(_))));
    // No capabilities and no legacy registers.
    assert_eq!(take(&SoftPci::bare()), Err(PciError::NoLegacyInterface));
    // MSI-X is not a virtio capability.
    let (function, old) = (transitional(0x40), LegacyPorts::new());
    let _msix = messages(&function, &old, 1);
    assert_eq!(take(&function), Ok((Interface::Legacy, "PCI, legacy", 42)));
}
