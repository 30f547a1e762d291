//! Queue numbers and the length of the configuration space, as a driver detects them.

use aerostat_device::{BalloonDevice, Builder, Numbering, QueueKind, Registers, StartError, features};
use aerostat_transport::Io;

use super::raw_driver::{RawDriver, assert_no_violations, reg, start};

const ALL: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;

fn builder(numbering: Numbering, offered: u64) -> Builder {
    BalloonDevice::builder().memory(8 << 20).features(features::VERSION_1 | offered).numbering(numbering).inline()
}

/// Negotiates these features, and returns QueueSizeMax of the queues 0 to 5.
fn sizes(device: &BalloonDevice, negotiated: u64) -> [u32; 6] {
    let mut driver = RawDriver::<Registers>::new(device.registers(), device.memory());
    driver.accept_features(features::VERSION_1 | negotiated);
    [0, 1, 2, 3, 4, 5].map(|queue| {
        driver.io.write32(reg::QUEUE_SEL, queue);
        driver.io.read32(reg::QUEUE_SIZE_MAX)
    })
}

#[test]
fn missing_queues_have_size_0() {
    let reporting = features::PAGE_REPORTING;
    for (numbering, offered, negotiated, existing) in [
        (Numbering::Specification, reporting, reporting, [1, 1, 0, 0, 1, 0]),
        (Numbering::Specification, ALL, 0, [1, 1, 1, 1, 1, 0]),
        (Numbering::DenseOverOffered, reporting, reporting, [1, 1, 1, 0, 0, 0]),
        (Numbering::DenseOverOffered, ALL, reporting, [1, 1, 1, 1, 1, 0]),
        (Numbering::DenseOverNegotiated, ALL, reporting, [1, 1, 1, 0, 0, 0]),
        (Numbering::Qemu, reporting, reporting, [1, 1, 1, 1, 0, 0]),
        (Numbering::Qemu, 0, 0, [1, 1, 1, 0, 0, 0]),
    ] {
        let device = builder(numbering, offered).start().unwrap();
        assert_eq!(sizes(&device, negotiated), existing.map(|one| 128 * one), "{numbering:?} {offered:#x}");
        assert_no_violations(&device);
    }
}

#[test]
fn the_device_returns_its_queue_numbers() {
    for (numbering, expected) in
        [(Numbering::Specification, Some(4)), (Numbering::DenseOverOffered, Some(3)), (Numbering::Qemu, Some(3))]
    {
        let device = builder(numbering, features::STATS_VQ | features::PAGE_REPORTING).start().unwrap();
        assert_eq!(device.queue_number(QueueKind::Reporting), expected, "{numbering:?}");
        assert_eq!(device.queue_number(QueueKind::FreePage), None, "{numbering:?}");
    }
    let device = builder(Numbering::DenseOverNegotiated, ALL).start().unwrap();
    assert_eq!(device.queue_number(QueueKind::Reporting), Some(4), "before negotiation");
    sizes(&device, features::PAGE_REPORTING);
    assert_eq!(device.queue_number(QueueKind::Reporting), Some(2));
}

#[test]
fn a_queue_works_under_its_number() {
    for (numbering, queue) in
        [(Numbering::DenseOverOffered, 2), (Numbering::DenseOverNegotiated, 2), (Numbering::Qemu, 3)]
    {
        let accepted = features::VERSION_1 | features::PAGE_REPORTING;
        let (device, mut driver) = start(builder(numbering, features::PAGE_REPORTING));
        driver.accept_features(accepted);
        driver.set_up_queue(queue);
        driver.set_driver_ok();
        driver.memory.fill(1024..1025, 1);
        driver.add_run(queue, 0, 1024..1025);
        driver.notify(queue);
        assert!(!driver.memory.is_resident(1024), "{numbering:?}");
        assert_no_violations(&device);
    }
}

#[test]
fn one_queue_can_have_another_size() {
    let builder = builder(Numbering::Specification, ALL).queue_size_of(QueueKind::Reporting, 32);
    assert_eq!(sizes(&builder.start().unwrap(), ALL), [128, 128, 128, 128, 32, 0]);
}

#[test]
fn the_length_of_the_configuration_space_can_be_set() {
    for bytes in [0, 4, 8, 12, 16] {
        let device = builder(Numbering::Specification, ALL).config_bytes(bytes).start().unwrap();
        assert_eq!(device.registers().len(), 0x100 + bytes);
    }
    for bytes in [7, 20] {
        let rejected = builder(Numbering::Specification, ALL).config_bytes(bytes).start();
        assert!(matches!(rejected, Err(StartError::ConfigBytes(length)) if length == bytes));
    }
    let rejected = builder(Numbering::Specification, ALL).queue_size_of(QueueKind::Statistics, 3).start();
    assert!(matches!(rejected, Err(StartError::QueueSize(3))));
}
