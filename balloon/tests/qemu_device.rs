//! The driver in a normal process, on QEMU's balloon device: registers over the qtest protocol, guest memory shared.

use std::time::Duration;

use aerostat_balloon::spec::Interface;
use aerostat_balloon::transport::pci::{BarRange, BarWindows, ConfigPorts, Ecam, PciError, PciFunction, Routing};
use aerostat_balloon::transport::{Either, LegacyMmio, LegacyPci, Mmio, Pci, Spin, Transport};
use aerostat_balloon::{Balloon, Options, Pages, Size4KiB, Step, feature, features};
use aerostat_device::qtest::{Machine, Qemu, QtestRegion, qemu_or_skip};
use aerostat_device::{GuestMemory, TestPlatform, wait_at_most};
use pci_types::{ConfigRegionAccess, PciAddress};

const MEMORY: u64 = 64 << 20;
const BALLOON: u32 = (32 << 20) / 4096;
features! {
    struct Declared {
        MustTellHost: Optional,
        EventIdx: Optional,
        RingPacked: Optional,
        IndirectDesc: Optional,
        AccessPlatform: Optional,
    }
}

/// Every wait ends after this time without progress.
const LIMIT: Duration = Duration::from_secs(60);

/// Inflates the balloon to half of guest memory, deflates it, freezes and restores it, and checks the state of QEMU.
fn inflate_deflate_and_freeze<T: Transport>(qemu: &Qemu, memory: &GuestMemory, transport: T, ring: &str) {
    let platform = TestPlatform::<Size4KiB>::builder(memory).build().unwrap();
    let ledger = platform.ledger();
    ledger.touch_free_frames();
    let balloon = Balloon::new(transport, platform, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    let accepted = balloon.accepted().unwrap();
    assert_eq!(accepted.has(feature::RingPacked), ring.contains("packed=on"));
    assert_eq!(accepted.has(feature::EventIdx), ring.contains("event_idx=on"));
    assert_eq!(accepted.has(feature::AccessPlatform), ring.contains("iommu_platform=on"));

    qemu.set_target(MEMORY - u64::from(BALLOON) * 4096).unwrap();
    let resident = memory.resident_bytes();
    assert_eq!(balloon.inflate(u32::MAX).unwrap().wait(&mut wait_at_most(LIMIT)), Ok(BALLOON));
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_eq!(qemu.actual().unwrap(), MEMORY - u64::from(BALLOON) * 4096);
    let released = resident.saturating_sub(memory.resident_bytes());
    assert_eq!(released, u64::from(BALLOON) * 4096, "QEMU releases exactly the pages in the balloon");

    qemu.set_target(MEMORY - (8 << 20)).unwrap();
    let deflation = balloon.deflate(u32::MAX).unwrap().tell_host();
    assert_eq!(deflation.wait(&mut wait_at_most(LIMIT)), Ok(BALLOON - 2048));
    assert_eq!((balloon.size(), qemu.actual().unwrap()), (Pages(2048), MEMORY - (8 << 20)));

    let frozen = balloon.freeze(&mut wait_at_most(LIMIT)).map_err(|live| live.error).unwrap();
    assert!(ledger.all_returned_except_private());
    let mut balloon = frozen.restore(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.inflate(u32::MAX).unwrap().wait(&mut wait_at_most(LIMIT)), Ok(2048));
    balloon.remove(&mut wait_at_most(LIMIT)).map_err(|live| live.error).unwrap();
    assert!(ledger.all_returned());
    assert_eq!(ledger.violations(), []);
    qemu.check().unwrap();
}

/// Starts QEMU with guest memory. Returns `None` if tests are meant to run without QEMU.
fn machine(machine: Machine, properties: &str) -> Option<(Qemu, GuestMemory)> {
    qemu_or_skip()?;
    let memory = GuestMemory::new(MEMORY).unwrap();
    Some((Qemu::start(machine, &memory, properties).unwrap(), memory))
}

fn pci<C: ConfigRegionAccess + Clone>(qemu: &Qemu, access: C, address: PciAddress) -> Pci<QtestRegion, C> {
    let mut map = |range: BarRange| Some(qemu.map(range));
    Pci::new(&PciFunction::new(access, address), &mut map, Routing::Line).unwrap()
}

/// The ring formats and features of QEMU's device.
const RINGS: [&str; 4] =
    ["packed=off,event_idx=off", "packed=off,event_idx=on", "packed=on,event_idx=off", "packed=on,event_idx=on"];

#[test]
fn on_modern_mmio() {
    for ring in RINGS {
        let Some((qemu, memory)) = machine(Machine::Microvm, ring) else { return };
        let transport = Mmio::new(qemu.mmio_device(5).unwrap()).map_err(|(_, error)| error).unwrap();
        inflate_deflate_and_freeze(&qemu, &memory, transport, ring);
    }
}

#[test]
fn on_modern_pci_with_configuration_ports() {
    for ring in RINGS {
        let Some((qemu, memory)) = machine(Machine::Q35, ring) else { return };
        let function = qemu.pci_balloon().unwrap();
        let transport = pci(&qemu, ConfigPorts::new(qemu.ports()), function.address);
        inflate_deflate_and_freeze(&qemu, &memory, transport, ring);
    }
}

#[test]
fn on_modern_pci_with_memory_mapped_configuration() {
    let ring = RINGS[3];
    let Some((qemu, memory)) = machine(Machine::Q35, ring) else { return };
    let function = qemu.pci_balloon().unwrap();
    let ecam = Ecam::new(qemu.open_ecam(0xb000_0000).unwrap(), 0, 0);
    let transport = pci(&qemu, ecam, function.address);
    inflate_deflate_and_freeze(&qemu, &memory, transport, ring);
}

/// The ring features of the legacy interface.
const LEGACY_RINGS: [&str; 2] = ["event_idx=off", "event_idx=on"];

#[test]
#[cfg_attr(target_endian = "big", ignore = "a legacy device has the byte order of its machine, which is an x86")]
fn on_legacy_mmio() {
    for ring in LEGACY_RINGS {
        let Some((qemu, memory)) = machine(Machine::LegacyMicrovm, ring) else { return };
        let registers = qemu.mmio_device(5).unwrap();
        assert!(Mmio::new(registers.clone()).is_err(), "the modern transport rejects a legacy device");
        let Either::Second(transport) = Mmio::either(registers).map_err(|(_, error)| error).unwrap() else {
            panic!("the device has only the legacy interface")
        };
        inflate_deflate_and_freeze::<LegacyMmio<_>>(&qemu, &memory, transport, ring);
    }
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "a legacy device has the byte order of its machine, which is an x86")]
fn on_legacy_pci() {
    for ring in LEGACY_RINGS {
        let properties = format!("disable-modern=on,disable-legacy=off,{ring}");
        let Some((qemu, memory)) = machine(Machine::Q35, &properties) else { return };
        let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
        let mut map = |range: BarRange| Some(qemu.map(range));
        assert_eq!(Pci::new(&function, &mut map, Routing::Line).err(), Some(PciError::NoCapabilities));
        let Either::Second(transport) = Pci::either(&function, &mut map, Routing::Line).unwrap() else {
            panic!("the device has only the legacy interface")
        };
        inflate_deflate_and_freeze::<LegacyPci<_, _>>(&qemu, &memory, transport, ring);
    }
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "a legacy device has the byte order of its machine, which is an x86")]
fn a_transitional_pci_device_works_through_both_interfaces() {
    let ring = LEGACY_RINGS[1];
    let properties = format!("disable-modern=off,disable-legacy=off,{ring}");
    let Some((qemu, memory)) = machine(Machine::Q35, &properties) else { return };
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
    let mut map = |range: BarRange| Some(qemu.map(range));
    let either = Pci::either(&function, &mut map, Routing::Line).unwrap();
    assert_eq!(either.interface(), Interface::Modern);
    inflate_deflate_and_freeze(&qemu, &memory, either, ring);
    let legacy = LegacyPci::new(&function, &mut map, Routing::Line).unwrap();
    inflate_deflate_and_freeze(&qemu, &memory, legacy, ring);
}

#[test]
fn a_modern_pci_device_has_no_legacy_interface() {
    let Some((qemu, _memory)) = machine(Machine::Q35, "disable-legacy=on") else { return };
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
    let mut map = |range: BarRange| Some(qemu.map(range));
    let legacy = LegacyPci::new(&function, &mut map, Routing::Line);
    assert_eq!(legacy.err(), Some(PciError::NoLegacyInterface));
}

// conformance: core.reserved.3, core.reserved.4
#[test]
fn with_access_platform() {
    for ring in ["packed=off,event_idx=on", "packed=on,event_idx=on"] {
        let properties = format!("disable-legacy=on,iommu_platform=on,{ring}");
        let Some((qemu, memory)) = machine(Machine::Q35, &properties) else { return };
        let transport = pci(&qemu, ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
        inflate_deflate_and_freeze(&qemu, &memory, transport, &properties);
        let Some((qemu, memory)) = machine(Machine::Microvm, &format!("iommu_platform=on,{ring}")) else { return };
        let transport = Mmio::new(qemu.mmio_device(5).unwrap()).map_err(|(_, error)| error).unwrap();
        inflate_deflate_and_freeze(&qemu, &memory, transport, &properties);
    }
}

#[test]
fn on_pci_without_mapping_a_bar() {
    let ring = RINGS[3];
    let Some((qemu, memory)) = machine(Machine::Q35, &format!("disable-legacy=on,{ring}")) else { return };
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
    // SAFETY: nothing else in this test uses the function.
    let mut windows = unsafe { BarWindows::new(function.clone()) }.unwrap();
    let transport = Pci::new(&function, &mut windows, Routing::Line).unwrap();
    inflate_deflate_and_freeze(&qemu, &memory, transport, ring);
}
