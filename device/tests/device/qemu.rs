//! QEMU's own device as a peer.

use aerostat_device::GuestMemory;
use aerostat_device::qtest::{Machine, PciFunction, Qemu, QemuError, Space, qemu_or_skip};
use aerostat_transport::Io;
use pci_types::{EndpointHeader, PciHeader, capability::PciCapability};

use super::by_hand::{ByHand, DEFLATE, INFLATE, Used, reg};

const BYTES: u64 = 64 << 20;

/// A machine with its memory, or `None` where there is no QEMU.
fn start(machine: Machine, properties: &str) -> Option<Qemu> {
    qemu_or_skip()?;
    Some(Qemu::start(machine, &GuestMemory::new(BYTES).unwrap(), properties).unwrap())
}

#[test]
fn microvm_has_an_mmio_balloon() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let driver = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    assert_eq!(driver.identify(), [0x7472_6976, 2, 5]);
    assert!(matches!(qemu.mmio_device(2), Err(QemuError::NoDevice(_))));
}

#[test]
fn q35_has_a_pci_balloon_with_capabilities() {
    let Some(qemu) = start(Machine::Q35, "disable-legacy=on") else { return };
    let PciFunction { address, bars } = qemu.pci_balloon().unwrap();
    let ports = qemu.config_ports();
    let header = PciHeader::new(address);
    assert_eq!(header.id(&ports), (0x1af4, 0x1045));
    let endpoint = EndpointHeader::from_header(header, &ports).unwrap();
    let vendor: Vec<u8> = endpoint
        .capabilities(&ports)
        .filter_map(|capability| match capability {
            PciCapability::Vendor(at) => Some((ports.get(at.address, at.offset) >> 24) as u8),
            _ => None,
        })
        .collect();
    for kind in [1, 2, 3, 4] {
        assert!(vendor.contains(&kind), "structure {kind} of {vendor:?}");
    }
    // The structures of the modern interface are behind register 4; the common one comes first, with the number of
    // queues at offset 18. QEMU always has statistics.
    let common = qemu.bar(bars.iter().find(|bar| bar.number == 4).unwrap());
    assert_eq!(common.read16(18), 3);
    qemu.check().unwrap();
}

#[test]
fn the_configuration_window_shows_what_the_ports_show() {
    let Some(qemu) = start(Machine::Q35, "") else { return };
    let function = qemu.pci_balloon().unwrap();
    let window = qemu.open_ecam(0xb000_0000).unwrap();
    let place = usize::from(function.address.device()) << 15;
    assert_eq!(window.read32(place), qemu.config_ports().get(function.address, 0));
    assert_eq!(window.read16(place + 2), 0x1002, "transitional");
    assert!(function.bars.iter().any(|bar| bar.space == Space::Port));
}

#[test]
fn inflated_pages_leave_the_memory_that_both_sides_map() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    driver.bring_up();
    let pages: Vec<u32> = (4096..4352).collect();
    qemu.memory().fill(4096..4352, 0x55);
    driver.tell(INFLATE, &pages);
    // QEMU works in its main loop: the questions give it the time.
    while driver.used_index(INFLATE) == 0 {
        driver.io.read32(reg::INTERRUPT_STATUS);
        qemu.check().unwrap();
    }
    assert_eq!(driver.used(INFLATE, 1), [Used { id: 0, written: 0 }]);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 1, 1);
    assert!((4096..4352).all(|page| !qemu.memory().is_resident(page)));
    driver.tell(DEFLATE, &pages);
    while driver.used_index(DEFLATE) == 0 {
        driver.io.read32(reg::INTERRUPT_STATUS);
        qemu.check().unwrap();
    }
    driver.io.write32(reg::ACTUAL, 256);
    assert_eq!(qemu.actual().unwrap(), BYTES - (256 << 12));
}

#[test]
fn the_target_comes_by_qmp() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    driver.bring_up();
    qemu.set_target(BYTES - (100 << 12)).unwrap();
    assert_eq!(driver.io.read32(reg::NUM_PAGES), 100);
    // QEMU sets the bit for used buffers too.
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 2, 2);
    assert!(matches!(qemu.set_target(0), Err(QemuError::Refused { command: "balloon", .. })));
}

#[test]
fn a_property_that_does_not_exist_is_explained_by_qemu() {
    let Some(_) = qemu_or_skip() else { return };
    let error = Qemu::start(Machine::Q35, &GuestMemory::new(BYTES).unwrap(), "no-such=on").unwrap_err();
    assert!(error.to_string().contains("no-such"), "{error}");
}

#[test]
fn a_qemu_that_dies_is_an_error_and_not_a_hang() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let registers = qemu.mmio_device(5).unwrap();
    let id = rustix::process::Pid::from_raw(i32::try_from(qemu.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    // The end may take a moment to arrive; what arrives in the end is all ones.
    while registers.read32(reg::MAGIC) != u32::MAX {}
    assert!(matches!(qemu.check(), Err(QemuError::Gone { .. })));
    assert!(qemu.set_target(BYTES).is_err());
}
