//! The driver, as a plain process, on QEMU's own balloon device: registers over the qtest protocol, memory shared.

use std::time::Duration;

use aerostat_balloon::spec::Interface;
use aerostat_balloon::transport::pci::{BarRange, BarWindows, ConfigPorts, Ecam, PciError, PciFunction, Routing};
use aerostat_balloon::transport::{Either, LegacyMmio, LegacyPci, Mmio, Pci, Transport};
use aerostat_balloon::{
    AccessPlatform, Balloon, EventIdx, IndirectDesc, MustTellHost, Pages, RingPacked, Size4KiB, Step,
};
use aerostat_device::qtest::{Machine, Qemu, QtestRegion, qemu_or_skip};
use aerostat_device::{GuestMemory, TestPlatform, wait_at_most};
use pci_types::{ConfigRegionAccess, PciAddress};

const MEMORY: u64 = 64 << 20;
const BALLOON: u32 = (32 << 20) / 4096;
/// Every wait ends after this time without progress.
const LIMIT: Duration = Duration::from_secs(60);

/// Takes half of the guest's memory and gives it back, freezes and restores, and looks at what QEMU makes of it.
fn up_and_down<T: Transport>(qemu: &Qemu, memory: &GuestMemory, transport: T, ring: &str) {
    let platform = TestPlatform::<Size4KiB>::builder(memory).build().unwrap();
    let ledger = platform.ledger();
    ledger.touch_free_frames();
    let balloon = Balloon::new(transport, platform).want(MustTellHost).want(EventIdx).want(RingPacked);
    let balloon = balloon.want(IndirectDesc).want(AccessPlatform).probe();
    let mut balloon = balloon.map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.accepted().has(RingPacked), ring.contains("packed=on"));
    assert_eq!(balloon.accepted().has(EventIdx), ring.contains("event_idx=on"));
    assert_eq!(balloon.accepted().has(AccessPlatform), ring.contains("iommu_platform=on"));

    qemu.set_target(MEMORY - u64::from(BALLOON) * 4096).unwrap();
    let resident = memory.resident_bytes();
    assert_eq!(balloon.inflate(u32::MAX).unwrap().wait(&mut wait_at_most(LIMIT)), Ok(BALLOON));
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_eq!(qemu.actual().unwrap(), MEMORY - u64::from(BALLOON) * 4096);
    let released = resident.saturating_sub(memory.resident_bytes());
    assert_eq!(released, u64::from(BALLOON) * 4096, "QEMU gives back exactly what is in the balloon");

    qemu.set_target(MEMORY - (8 << 20)).unwrap();
    let deflation = balloon.deflate(u32::MAX).unwrap().tell_host();
    assert_eq!(deflation.wait(&mut wait_at_most(LIMIT)), Ok(BALLOON - 2048));
    assert_eq!((balloon.size(), qemu.actual().unwrap()), (Pages(2048), MEMORY - (8 << 20)));

    let frozen = balloon.freeze(&mut wait_at_most(LIMIT)).map_err(|live| live.error).unwrap();
    assert!(ledger.is_settled());
    let mut balloon = frozen.restore().map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.inflate(u32::MAX).unwrap().wait(&mut wait_at_most(LIMIT)), Ok(2048));
    balloon.remove(&mut wait_at_most(LIMIT)).map_err(|live| live.error).unwrap();
    assert!(ledger.is_settled());
    assert_eq!(ledger.violations(), []);
    qemu.check().unwrap();
}

/// A QEMU with guest memory; `None` where tests run without QEMU on purpose.
fn machine(machine: Machine, properties: &str) -> Option<(Qemu, GuestMemory)> {
    qemu_or_skip()?;
    let memory = GuestMemory::new(MEMORY).unwrap();
    Some((Qemu::start(machine, &memory, properties).unwrap(), memory))
}

fn pci<C: ConfigRegionAccess>(qemu: &Qemu, access: C, address: PciAddress) -> Pci<QtestRegion> {
    let mut map = |range: BarRange| Some(qemu.map(range));
    Pci::new(&PciFunction::new(access, address), &mut map, Routing::Line).unwrap()
}

/// The rings that QEMU's device has.
const RINGS: [&str; 4] =
    ["packed=off,event_idx=off", "packed=off,event_idx=on", "packed=on,event_idx=off", "packed=on,event_idx=on"];

#[test]
fn over_mmio() {
    for ring in RINGS {
        let Some((qemu, memory)) = machine(Machine::Microvm, ring) else { return };
        let transport = Mmio::new(qemu.mmio_device(5).unwrap()).map_err(|(_, error)| error).unwrap();
        up_and_down(&qemu, &memory, transport, ring);
    }
}

#[test]
fn over_pci_by_the_configuration_ports() {
    for ring in RINGS {
        let Some((qemu, memory)) = machine(Machine::Q35, ring) else { return };
        let function = qemu.pci_balloon().unwrap();
        let transport = pci(&qemu, ConfigPorts::new(qemu.ports()), function.address);
        up_and_down(&qemu, &memory, transport, ring);
    }
}

#[test]
fn over_pci_by_the_memory_mapped_configuration_space() {
    let ring = RINGS[3];
    let Some((qemu, memory)) = machine(Machine::Q35, ring) else { return };
    let function = qemu.pci_balloon().unwrap();
    let ecam = Ecam::new(qemu.open_ecam(0xb000_0000).unwrap(), 0, 0);
    let transport = pci(&qemu, ecam, function.address);
    up_and_down(&qemu, &memory, transport, ring);
}

/// The rings of the legacy interface.
const LEGACY_RINGS: [&str; 2] = ["event_idx=off", "event_idx=on"];

#[test]
#[cfg_attr(target_endian = "big", ignore = "a legacy device has the byte order of its machine, which is an x86")]
fn over_mmio_by_the_legacy_interface() {
    for ring in LEGACY_RINGS {
        let Some((qemu, memory)) = machine(Machine::LegacyMicrovm, ring) else { return };
        let registers = qemu.mmio_device(5).unwrap();
        assert!(Mmio::new(registers.clone()).is_err(), "the modern transport knows that it is not for this device");
        let Either::Second(transport) = Mmio::either(registers).map_err(|(_, error)| error).unwrap() else {
            panic!("the device has the legacy interface only")
        };
        up_and_down::<LegacyMmio<_>>(&qemu, &memory, transport, ring);
    }
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "a legacy device has the byte order of its machine, which is an x86")]
fn over_pci_by_the_legacy_interface() {
    for ring in LEGACY_RINGS {
        let properties = format!("disable-modern=on,disable-legacy=off,{ring}");
        let Some((qemu, memory)) = machine(Machine::Q35, &properties) else { return };
        let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
        let mut map = |range: BarRange| Some(qemu.map(range));
        assert_eq!(Pci::new(&function, &mut map, Routing::Line).err(), Some(PciError::NoCapabilities));
        let Either::Second(transport) = Pci::either(&function, &mut map, Routing::Line).unwrap() else {
            panic!("the device has the legacy interface only")
        };
        up_and_down::<LegacyPci<_>>(&qemu, &memory, transport, ring);
    }
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "a legacy device has the byte order of its machine, which is an x86")]
fn a_transitional_pci_device_is_driven_through_either_interface() {
    let ring = LEGACY_RINGS[1];
    let properties = format!("disable-modern=off,disable-legacy=off,{ring}");
    let Some((qemu, memory)) = machine(Machine::Q35, &properties) else { return };
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
    let mut map = |range: BarRange| Some(qemu.map(range));
    let either = Pci::either(&function, &mut map, Routing::Line).unwrap();
    assert_eq!(either.interface(), Interface::Modern);
    up_and_down(&qemu, &memory, either, ring);
    let legacy = LegacyPci::new(&function, &mut map, Routing::Line).unwrap();
    up_and_down(&qemu, &memory, legacy, ring);
}

#[test]
fn a_modern_pci_device_has_no_legacy_interface() {
    let Some((qemu, _memory)) = machine(Machine::Q35, "disable-legacy=on") else { return };
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
    let mut map = |range: BarRange| Some(qemu.map(range));
    let legacy = LegacyPci::new(&function, &mut map, Routing::Line);
    assert_eq!(legacy.err(), Some(PciError::NoLegacyInterface));
}

/// core.reserved.3, core.reserved.4: addresses are those of the platform, on which the device finds memory where it is.
#[test]
fn with_the_addresses_of_the_platform() {
    for ring in ["packed=off,event_idx=on", "packed=on,event_idx=on"] {
        let properties = format!("disable-legacy=on,iommu_platform=on,{ring}");
        let Some((qemu, memory)) = machine(Machine::Q35, &properties) else { return };
        let transport = pci(&qemu, ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
        up_and_down(&qemu, &memory, transport, &properties);
        let Some((qemu, memory)) = machine(Machine::Microvm, &format!("iommu_platform=on,{ring}")) else { return };
        let transport = Mmio::new(qemu.mmio_device(5).unwrap()).map_err(|(_, error)| error).unwrap();
        up_and_down(&qemu, &memory, transport, &properties);
    }
}

#[test]
fn over_pci_without_mapping_a_bar() {
    let ring = RINGS[3];
    let Some((qemu, memory)) = machine(Machine::Q35, &format!("disable-legacy=on,{ring}")) else { return };
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_balloon().unwrap().address);
    // SAFETY: nothing else in this test uses the function.
    let mut windows = unsafe { BarWindows::new(function.clone()) }.unwrap();
    let transport = Pci::new(&function, &mut windows, Routing::Line).unwrap();
    up_and_down(&qemu, &memory, transport, ring);
}
