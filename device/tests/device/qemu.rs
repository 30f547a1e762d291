//! The balloon device of QEMU.

use std::time::{Duration, Instant};

use aerostat_device::qtest::{Machine, Qemu, QemuDevice, QemuError, QemuMemory, QtestRegion, qemu_or_skip};
use aerostat_device::{BalloonDevice, GuestMemory, Numbering, features};
use aerostat_transport::Io;
use aerostat_transport::pci::{BarIndex, ConfigPorts, Ecam, PciFunction, Space};

use qapi::qmp;

use super::raw_driver::{DEFLATE, INFLATE, POISON, PRIMED, RawDriver, STATISTICS, Used, reg};

const BYTES: u64 = 64 << 20;

/// Starts a machine with shared memory, or returns `None` if QEMU is not installed.
fn start(machine: Machine, properties: &str) -> Option<Qemu> {
    qemu_or_skip()?;
    Some(Qemu::start(machine, &GuestMemory::new(BYTES).unwrap(), properties).unwrap())
}

#[test]
fn microvm_has_an_mmio_balloon() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let driver = RawDriver::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    assert_eq!(driver.identify(), [0x7472_6976, 2, 5]);
    assert!(matches!(qemu.mmio_device(2), Err(QemuError::NoDevice(_))));
}

#[test]
fn q35_has_a_pci_balloon() {
    let Some(qemu) = start(Machine::Q35, "disable-legacy=on") else { return };
    let assigned = qemu.pci_balloon().unwrap();
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), assigned.address);
    assert_eq!(function.virtio_device().map(|id| id.0), Some(5));
    // BAR 4 contains the structures of the modern interface: first the common configuration, with the number of queues at
    // offset 18. QEMU always has the statistics queue.
    let range = assigned.bars.iter().find(|bar| bar.number == 4).unwrap().range;
    assert_eq!(function.bar(BarIndex::new(4).unwrap()), Some(range));
    assert_eq!(qemu.map(range).read16(18), 3);
    qemu.check().unwrap();
}

/// Each is found by its virtio device id.
#[test]
fn any_device_can_be_started() {
    if qemu_or_skip().is_none() {
        return;
    }
    let memory = GuestMemory::new(BYTES).unwrap();
    let network = |model: &str| QemuDevice::new(model).argument("-netdev", "hubport,id=net,hubid=0");
    let block = |machine| {
        let contents = "driver=null-co,node-name=contents,size=1048576,read-zeroes=on";
        QemuDevice::on(machine, "virtio-blk", "drive=contents").argument("-blockdev", contents)
    };
    for (id, device) in [
        (1, network("virtio-net-pci,netdev=net")),
        (2, block(Machine::Q35)),
        (3, QemuDevice::on(Machine::Q35, "virtio-serial", "").running()),
    ] {
        let qemu = Qemu::start_with(Machine::Q35, &memory, &device).unwrap();
        let assigned = qemu.pci_device(id).unwrap();
        let function = PciFunction::new(ConfigPorts::new(qemu.ports()), assigned.address);
        assert_eq!(function.virtio_device().map(|id| id.0), Some(id));
    }
    for (id, device) in [
        (1, network("virtio-net-device,netdev=net")),
        (2, block(Machine::Microvm)),
        (3, QemuDevice::on(Machine::Microvm, "virtio-serial", "max_ports=3")),
    ] {
        let qemu = Qemu::start_with(Machine::Microvm, &memory, &device).unwrap();
        assert_eq!(qemu.mmio_device(id).unwrap().read32(8), id);
    }
    let missing = Qemu::start_with(Machine::Q35, &memory, &QemuDevice::new("virtio-blk-pci,drive=missing"));
    let error = missing.map(drop).unwrap_err().to_string();
    assert!(error.contains("missing"), "{error}");
}

#[test]
fn ecam_and_ports_access_the_same_configuration_space() {
    let Some(qemu) = start(Machine::Q35, "") else { return };
    let assigned = qemu.pci_balloon().unwrap();
    let ecam = Ecam::new(qemu.open_ecam(0xb000_0000).unwrap(), 0, 0);
    let by_ecam = PciFunction::new(ecam, assigned.address);
    let by_ports = PciFunction::new(ConfigPorts::new(qemu.ports()), assigned.address);
    assert_eq!(by_ecam.virtio_device(), by_ports.virtio_device());
    for bar in &assigned.bars {
        assert_eq!(by_ecam.bar(BarIndex::new(bar.number).unwrap()), Some(bar.range));
    }
    // A transitional device also has an I/O BAR.
    assert!(assigned.bars.iter().any(|bar| bar.range.space == Space::Ports));
}

#[test]
fn inflation_discards_pages_of_the_shared_memory() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = RawDriver::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    driver.bring_up();
    let pages: Vec<u32> = (4096..4352).collect();
    qemu.memory().fill(4096..4352, 0x55);
    driver.send(INFLATE, &pages);
    wait_for(&qemu, &driver, INFLATE, 1);
    assert_eq!(driver.used(INFLATE, 1), [Used { id: 0, written: 0 }]);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 1, 1);
    assert!((4096..4352).all(|page| !qemu.memory().is_resident(page)));
    driver.send(DEFLATE, &pages);
    wait_for(&qemu, &driver, DEFLATE, 1);
    driver.io.write32(reg::ACTUAL, 256);
    assert_eq!(qemu.actual().unwrap(), BYTES - (256 << 12));
}

#[test]
fn qmp_sets_the_target() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = RawDriver::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    driver.bring_up();
    qemu.set_target(BYTES - (100 << 12)).unwrap();
    assert_eq!(driver.io.read32(reg::NUM_PAGES), 100);
    // QEMU also sets the bit for used buffers.
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 2, 2);
    assert!(matches!(qemu.set_target(0), Err(QemuError::Rejected { command: "balloon", .. })));
}

/// Waits until QEMU, which works in its main loop, has used this many buffers of a queue, at most a minute.
fn wait_for(qemu: &Qemu, driver: &RawDriver<QtestRegion>, queue: u16, used: u16) {
    let start = Instant::now();
    while driver.used_index(queue) != used {
        driver.io.read32(reg::INTERRUPT_STATUS);
        qemu.check().unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "QEMU has used {} of {used} buffers",
            driver.used_index(queue)
        );
    }
}

#[test]
fn the_queue_numbers_match_the_device_model() {
    let (hint, report) = (features::FREE_PAGE_HINT, features::PAGE_REPORTING);
    for (properties, offered) in [
        ("", 0),
        ("free-page-reporting=on", report),
        ("free-page-hint=on,iothread=hints", hint),
        ("free-page-hint=on,iothread=hints,free-page-reporting=on", hint | report),
    ] {
        let Some(qemu) = start(Machine::Microvm, properties) else { return };
        let mut qemu_driver = RawDriver::new(qemu.mmio_device(5).unwrap(), qemu.memory());
        qemu_driver.identify();
        let seen = qemu_driver.offered();
        assert_eq!(seen & (features::STATS_VQ | hint | report), features::STATS_VQ | offered, "{properties}");
        let model = BalloonDevice::builder().numbering(Numbering::Qemu).features(features::VERSION_1 | offered);
        let model = model.memory(8 << 20).inline().start().unwrap();
        let mut model_driver = RawDriver::new(model.registers(), model.memory());
        let accepted = features::VERSION_1 | offered;
        assert_eq!(qemu_driver.existing_queues(accepted), model_driver.existing_queues(accepted), "{properties}");
        qemu.check().unwrap();
    }
}

#[test]
fn statistics_reach_the_host() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let mut driver = RawDriver::new(qemu.mmio_device(5).unwrap(), qemu.memory());
    let accepted = features::VERSION_1 | features::STATS_VQ;
    driver.accept_features(accepted);
    driver.set_up_queues(accepted);
    driver.set_driver_ok();
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
    assert_eq!(stats["stat-swap-in"].as_u64(), Some(u64::MAX), "a tag that was not sent");
    assert_eq!(driver.used_index(STATISTICS), 0, "QEMU holds the buffer");
}

#[test]
fn reported_pages_are_discarded_unless_poisoned() {
    let reporting = features::VERSION_1 | features::PAGE_REPORTING;
    for (accepted, resident) in [(reporting, false), (reporting | features::PAGE_POISON, true)] {
        let Some(qemu) = start(Machine::Microvm, "free-page-reporting=on") else { return };
        let mut driver = RawDriver::new(qemu.mmio_device(5).unwrap(), qemu.memory());
        driver.accept_features(accepted);
        driver.set_up_queue(3);
        driver.set_driver_ok();
        driver.memory.fill_with(4096..4608, POISON);
        driver.add_pages(3, 0, &[4096..4352, 4352..4608]);
        driver.notify(3);
        wait_for(&qemu, &driver, 3, 1);
        assert_eq!(driver.used(3, 1), [Used { id: 0, written: 0 }]);
        assert!((4096..4608).all(|page| driver.memory.is_resident(page) == resident));
    }
}

#[test]
fn the_error_of_an_unknown_property_has_the_message_of_qemu() {
    let Some(_) = qemu_or_skip() else { return };
    let error = Qemu::start(Machine::Q35, &GuestMemory::new(BYTES).unwrap(), "no-such=on").unwrap_err();
    assert!(error.to_string().contains("no-such"), "{error}");
}

#[test]
fn an_exit_of_qemu_is_an_error() {
    let Some(qemu) = start(Machine::Microvm, "") else { return };
    let registers = qemu.mmio_device(5).unwrap();
    let id = rustix::process::Pid::from_raw(i32::try_from(qemu.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    // After some time the exit is detected and registers read all ones.
    while registers.read32(reg::MAGIC) != u32::MAX {}
    assert!(matches!(qemu.check(), Err(QemuError::Exited { .. })));
    assert!(qemu.set_target(BYTES).is_err());
}

#[test]
fn memory_of_the_qemu_process_is_accessed_by_request() {
    let Some(_) = qemu_or_skip() else { return };
    let qemu = Qemu::start(Machine::Microvm, &QemuMemory { bytes: BYTES }, "").unwrap();
    qemu.fill(0x10_0000..0x10_0000 + (17 << 20), 0xa5).unwrap();
    qemu.write(0x20_0000, &[1, 2, 3, 4].repeat(5000)).unwrap();
    let word = |address| qemu.region(Space::Memory, address, 4).read32(0);
    assert_eq!([0x1f_fffc, 0x20_0000, 0x20_0000 + 19_996].map(word), [0xa5a5_a5a5, 0x0403_0201, 0x0403_0201]);
    assert_eq!([0x20_0000 + 20_000, 0x10_0000 + (17 << 20) - 4].map(word), [0xa5a5_a5a5; 2]);
    assert_eq!(word(0x10_0000 + (17 << 20)), 0);
    qemu.check().unwrap();
}
