//! QEMU's own device as a peer.

use aerostat_device::qtest::{Machine, OwnMemory, Qemu, QemuError, QtestRegion, qemu_or_skip};
use aerostat_device::{BalloonDevice, GuestMemory, Numbering, features};
use aerostat_transport::Io;
use aerostat_transport::pci::{BarIndex, ConfigPorts, Ecam, PciFunction, Space};

use qapi::qmp;

use super::by_hand::{ByHand, DEFLATE, INFLATE, POISON, PRIMED, STATISTICS, Used, reg};

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
fn q35_has_a_pci_balloon() {
    let Some(qemu) = start(Machine::Q35, "disable-legacy=on") else { return };
    let placed = qemu.pci_balloon().unwrap();
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), placed.address);
    assert_eq!(function.virtio_device().map(|id| id.0), Some(5));
    // The structures of the modern interface are behind register 4; the common one comes first, with the number of
    // queues at offset 18. QEMU always has statistics.
    let range = placed.bars.iter().find(|bar| bar.number == 4).unwrap().range;
    assert_eq!(function.bar(BarIndex::new(4).unwrap()), Some(range));
    assert_eq!(qemu.map(range).read16(18), 3);
    qemu.check().unwrap();
}

#[test]
fn the_configuration_window_shows_what_the_ports_show() {
    let Some(qemu) = start(Machine::Q35, "") else { return };
    let placed = qemu.pci_balloon().unwrap();
    let window = Ecam::new(qemu.open_ecam(0xb000_0000).unwrap(), 0, 0);
    let by_window = PciFunction::new(window, placed.address);
    let by_ports = PciFunction::new(ConfigPorts::new(qemu.ports()), placed.address);
    assert_eq!(by_window.virtio_device(), by_ports.virtio_device());
    for bar in &placed.bars {
        assert_eq!(by_window.bar(BarIndex::new(bar.number).unwrap()), Some(bar.range));
    }
    // It is a transitional one.
    assert!(placed.bars.iter().any(|bar| bar.range.space == Space::Ports));
}

#[test]
fn inflated_pages_leave_the_memory_that_both_sides_map() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    driver.bring_up();
    let pages: Vec<u32> = (4096..4352).collect();
    qemu.memory().fill(4096..4352, 0x55);
    driver.tell(INFLATE, &pages);
    wait_for(&qemu, &driver, INFLATE, 1);
    assert_eq!(driver.used(INFLATE, 1), [Used { id: 0, written: 0 }]);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 1, 1);
    assert!((4096..4352).all(|page| !qemu.memory().is_resident(page)));
    driver.tell(DEFLATE, &pages);
    wait_for(&qemu, &driver, DEFLATE, 1);
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
    assert!(matches!(qemu.set_target(0), Err(QemuError::Absent { command: "balloon", .. })));
}

/// Gives QEMU, which works in its main loop, the time to use so many buffers of a queue.
fn wait_for(qemu: &Qemu, driver: &ByHand<QtestRegion>, queue: u16, used: u16) {
    while driver.used_index(queue) != used {
        driver.io.read32(reg::INTERRUPT_STATUS);
        qemu.check().unwrap();
    }
}

#[test]
fn the_queues_are_numbered_as_the_model_says() {
    let (hint, report) = (features::FREE_PAGE_HINT, features::PAGE_REPORTING);
    for (properties, offered) in [
        ("", 0),
        ("free-page-reporting=on", report),
        ("free-page-hint=on,iothread=hints", hint),
        ("free-page-hint=on,iothread=hints,free-page-reporting=on", hint | report),
    ] {
        let Some(qemu) = start(Machine::Microvm, properties) else { return };
        let mut theirs = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
        theirs.identify();
        let seen = theirs.offered();
        assert_eq!(seen & (features::STATS_VQ | hint | report), features::STATS_VQ | offered, "{properties}");
        let model = BalloonDevice::builder().numbering(Numbering::Qemu).features(features::VERSION_1 | offered);
        let model = model.memory(8 << 20).inline().start().unwrap();
        let mut ours = ByHand::new(model.registers(), model.memory());
        let accepted = features::VERSION_1 | offered;
        assert_eq!(theirs.there(accepted), ours.there(accepted), "{properties}");
        qemu.check().unwrap();
    }
}

#[test]
fn statistics_reach_the_host_as_they_do_in_the_model() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    let accepted = features::VERSION_1 | features::STATS_VQ;
    driver.settle_features(accepted);
    driver.set_up_queues(accepted);
    driver.go_live();
    driver.notify(STATISTICS);
    let path = String::from("/machine/peripheral/balloon");
    let ask = qmp::qom_get { path, property: "guest-stats".into() };
    let stats = loop {
        let stats = qemu.execute(&ask).unwrap();
        if stats["last-update"] != 0 {
            break stats["stats"].clone();
        }
    };
    let [(_, free), (_, total)] = PRIMED;
    assert_eq!((stats["stat-free-memory"].as_u64(), stats["stat-total-memory"].as_u64()), (Some(free), Some(total)));
    assert_eq!(stats["stat-swap-in"].as_u64(), Some(u64::MAX), "what was not sent");
    assert_eq!(driver.used_index(STATISTICS), 0, "the buffer is held");
}

#[test]
fn reported_pages_are_dropped_unless_they_are_poisoned() {
    let reporting = features::VERSION_1 | features::PAGE_REPORTING;
    for (accepted, resident) in [(reporting, false), (reporting | features::PAGE_POISON, true)] {
        let Some(qemu) = start(Machine::Microvm, "free-page-reporting=on") else { return };
        let mut driver = ByHand::new(qemu.mmio_device(5).unwrap(), qemu.memory());
        driver.settle_features(accepted);
        driver.set_up_queue(3);
        driver.go_live();
        driver.memory.fill_with(4096..4608, POISON);
        driver.offer_pages(3, 0, &[4096..4352, 4352..4608]);
        driver.notify(3);
        wait_for(&qemu, &driver, 3, 1);
        assert_eq!(driver.used(3, 1), [Used { id: 0, written: 0 }]);
        assert!((4096..4608).all(|page| driver.memory.is_resident(page) == resident));
    }
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

#[test]
fn memory_of_qemus_own_is_reached_by_request() {
    let Some(_) = qemu_or_skip() else { return };
    let qemu = Qemu::start(Machine::Microvm, &OwnMemory { bytes: BYTES }, "").unwrap();
    qemu.fill(0x10_0000..0x10_0000 + (17 << 20), 0xa5).unwrap();
    qemu.write(0x20_0000, &[1, 2, 3, 4].repeat(5000)).unwrap();
    let word = |address| qemu.region(Space::Memory, address, 4).read32(0);
    assert_eq!([0x1f_fffc, 0x20_0000, 0x20_0000 + 19_996].map(word), [0xa5a5_a5a5, 0x0403_0201, 0x0403_0201]);
    assert_eq!([0x20_0000 + 20_000, 0x10_0000 + (17 << 20) - 4].map(word), [0xa5a5_a5a5; 2]);
    assert_eq!(word(0x10_0000 + (17 << 20)), 0);
    qemu.check().unwrap();
}
