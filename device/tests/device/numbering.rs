//! Which queues exist under which number, as a driver finds it out, and where the configuration ends.

use aerostat_device::{BalloonDevice, Builder, Numbering, QueueKind, Registers, StartError, features};
use aerostat_transport::Io;

use super::by_hand::{ByHand, assert_violations, reg};

const ALL: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;

fn builder(numbering: Numbering, offered: u64) -> Builder {
    BalloonDevice::builder().memory(8 << 20).features(features::VERSION_1 | offered).numbering(numbering).inline()
}

/// The sizes of the queues 0 to 5 as they read once these features were negotiated.
fn sizes(device: &BalloonDevice, negotiated: u64) -> [u32; 6] {
    let mut driver = ByHand::<Registers>::new(device.registers(), device.memory());
    driver.settle_features(features::VERSION_1 | negotiated);
    [0, 1, 2, 3, 4, 5].map(|queue| {
        driver.io.write32(reg::QUEUE_SEL, queue);
        driver.io.read32(reg::QUEUE_SIZE_MAX)
    })
}

#[test]
fn queues_that_do_not_exist_have_size_0() {
    let reporting = features::PAGE_REPORTING;
    for (numbering, offered, negotiated, there) in [
        (Numbering::Specification, reporting, reporting, [1, 1, 0, 0, 1, 0]),
        (Numbering::Specification, ALL, 0, [1, 1, 1, 1, 1, 0]),
        (Numbering::DenseOverOffered, reporting, reporting, [1, 1, 1, 0, 0, 0]),
        (Numbering::DenseOverOffered, ALL, reporting, [1, 1, 1, 1, 1, 0]),
        (Numbering::DenseOverNegotiated, ALL, reporting, [1, 1, 1, 0, 0, 0]),
        (Numbering::Qemu, reporting, reporting, [1, 1, 1, 1, 0, 0]),
        (Numbering::Qemu, 0, 0, [1, 1, 1, 0, 0, 0]),
    ] {
        let device = builder(numbering, offered).start().unwrap();
        assert_eq!(sizes(&device, negotiated), there.map(|one| 128 * one), "{numbering:?} {offered:#x}");
        assert_violations(&device, &[]);
    }
}

#[test]
fn the_device_tells_its_numbers() {
    for (numbering, expected) in
        [(Numbering::Specification, Some(4)), (Numbering::DenseOverOffered, Some(3)), (Numbering::Qemu, Some(3))]
    {
        let device = builder(numbering, features::STATS_VQ | features::PAGE_REPORTING).start().unwrap();
        assert_eq!(device.queue_number(QueueKind::Reporting), expected, "{numbering:?}");
        assert_eq!(device.queue_number(QueueKind::FreePage), None, "{numbering:?}");
    }
    let device = builder(Numbering::DenseOverNegotiated, ALL).start().unwrap();
    assert_eq!(device.queue_number(QueueKind::Reporting), Some(4), "before anything is negotiated");
    sizes(&device, features::PAGE_REPORTING);
    assert_eq!(device.queue_number(QueueKind::Reporting), Some(2));
}

#[test]
fn a_queue_works_under_its_number() {
    for (numbering, queue) in
        [(Numbering::DenseOverOffered, 2), (Numbering::DenseOverNegotiated, 2), (Numbering::Qemu, 3)]
    {
        let accepted = features::VERSION_1 | features::PAGE_REPORTING;
        let device = builder(numbering, features::PAGE_REPORTING).start().unwrap();
        let mut driver = ByHand::new(device.registers(), device.memory());
        driver.settle_features(accepted);
        driver.set_up_queue(queue);
        driver.go_live();
        driver.memory.fill(1024..1025, 1);
        driver.offer_run(queue, 0, 1024..1025);
        driver.notify(queue);
        assert!(!driver.memory.is_resident(1024), "{numbering:?}");
        assert_violations(&device, &[]);
    }
}

#[test]
fn one_queue_can_be_smaller_than_the_others() {
    let builder = builder(Numbering::Specification, ALL).queue_size_of(QueueKind::Reporting, 32);
    assert_eq!(sizes(&builder.start().unwrap(), ALL), [128, 128, 128, 128, 32, 0]);
}

#[test]
fn the_configuration_ends_where_it_is_told_to() {
    for bytes in [0, 4, 8, 12, 16] {
        let device = builder(Numbering::Specification, ALL).config_bytes(bytes).start().unwrap();
        assert_eq!(device.registers().len(), 0x100 + bytes);
    }
    for bytes in [7, 20] {
        let refused = builder(Numbering::Specification, ALL).config_bytes(bytes).start();
        assert!(matches!(refused, Err(StartError::ConfigBytes(length)) if length == bytes));
    }
    let refused = builder(Numbering::Specification, ALL).queue_size_of(QueueKind::Statistics, 3).start();
    assert!(matches!(refused, Err(StartError::QueueSize(3))));
}
