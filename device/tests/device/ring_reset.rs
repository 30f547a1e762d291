//! Reset of a single queue while the device is live: RING_RESET.

use aerostat_device::{
    Access, BalloonDevice, Builder, Event, QueueFault, QueueViolation, RegisterFault, RegisterViolation, Registers,
    features,
};
use aerostat_transport::Io;

use super::raw_driver::{
    DEFLATE, FREE_PAGE, INFLATE, REPORTING, RawDriver, assert_no_violations, assert_violations, builder, live_in_mode,
    live_with, reg,
};

const FEATURES: u64 = features::RING_RESET | features::PAGE_REPORTING | features::FREE_PAGE_HINT;

fn live(builder: Builder) -> (BalloonDevice, RawDriver<Registers>) {
    live_with(builder, FEATURES)
}

#[test]
fn a_queue_reset_does_not_affect_other_queues() {
    let (device, mut driver) = live(builder());
    driver.send(INFLATE, &[1024, 1025]);
    assert_eq!(driver.reset_queue(INFLATE), 0);
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 0);
    driver.send(DEFLATE, &[1024]);
    assert_eq!(device.host_pages(), [1025].into());
    driver.set_up_queue(INFLATE);
    assert_eq!(driver.io.read32(reg::QUEUE_RESET), 0);
    driver.send(INFLATE, &[1026]);
    assert_eq!((driver.used_index(INFLATE), device.host_pages()), (1, [1025, 1026].into()));
    assert!(device.events().contains(&Event::QueueReset { queue: INFLATE }));
    assert_no_violations(&device);
}

#[test]
fn a_queue_reset_drops_buffers() {
    let (device, mut driver) = live_in_mode(builder().manual(), FEATURES);
    driver.memory.fill(1024..1030, 1);
    driver.send(INFLATE, &[1024]);
    driver.add_run(REPORTING, 0, 1025..1027);
    driver.notify(REPORTING);
    while device.step() && device.reported_pages().is_empty() {}
    for queue in [INFLATE, REPORTING] {
        driver.reset_queue(queue);
        driver.set_up_queue(queue);
    }
    while device.step() {}
    assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (0, 0));
    assert_eq!((device.host_page_count(), device.reported_pages().len()), (0, 0));
    assert_no_violations(&device);
}

#[test]
fn a_queue_reset_can_be_slow() {
    let (device, mut driver) = live(builder());
    device.inject(RegisterFault::SlowQueueReset(3));
    assert_eq!(driver.reset_queue(INFLATE), 3);
    device.inject(RegisterFault::SlowQueueReset(u32::MAX));
    driver.io.write32(reg::QUEUE_SEL, DEFLATE.into());
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert!((0..1000).all(|_| driver.io.read32(reg::QUEUE_RESET) == 1));
    assert_no_violations(&device);
}

#[test]
fn the_driver_has_to_read_that_the_reset_is_complete() {
    let (device, driver) = live(builder());
    driver.io.write32(reg::QUEUE_SEL, INFLATE.into());
    driver.io.write32(reg::QUEUE_RESET, 1);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    driver.notify(INFLATE);
    let queue = INFLATE.into();
    assert_violations(
        &device,
        [QueueViolation::ResetNotRead { queue, offset: reg::QUEUE_SIZE }, QueueViolation::NotifiedNotReady { queue }],
    );
}

#[test]
fn the_driver_has_to_check_a_queue_again_after_its_reset() {
    let (device, mut driver) = live(builder());
    driver.reset_queue(INFLATE);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let area = RawDriver::<Registers>::area(INFLATE);
    for (register, part) in [(reg::QUEUE_DESC, 0), (reg::QUEUE_DRIVER, 0x1000), (reg::QUEUE_DEVICE, 0x2000)] {
        driver.set_address(register, area + part);
    }
    driver.memory.write(area, &[0; 0x3000]).unwrap();
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, [QueueViolation::NotChecked { queue: INFLATE.into() }]);
    // A ready queue cannot be configured while the device is live.
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let late = QueueViolation::OutOfTurn { queue: INFLATE.into(), offset: reg::QUEUE_SIZE, status: 15 };
    assert_eq!(device.violations().last(), Some(&late.into()));
}

#[test]
fn only_a_ready_queue_can_be_reset_and_only_by_1() {
    let (device, mut driver) = live(builder());
    let queue = INFLATE.into();
    driver.io.write32(reg::QUEUE_SEL, queue);
    driver.io.write32(reg::QUEUE_RESET, 0);
    driver.io.write32(reg::QUEUE_RESET, 2);
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 1);
    driver.reset_queue(INFLATE);
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert_violations(&device, [0, 2, 1].map(|value| QueueViolation::Reset { queue, value }));
}

#[test]
fn a_round_of_hints_survives_a_queue_reset() {
    let (device, mut driver) = live(builder());
    let id = device.start_hinting();
    assert_eq!(driver.io.read32(reg::HINT_COMMAND), id);
    for _ in 0..3 {
        driver.reset_queue(FREE_PAGE);
        driver.set_up_queue(FREE_PAGE);
    }
    driver.add_bytes(FREE_PAGE, 0, &id.to_le_bytes());
    driver.add_run(FREE_PAGE, 1, 1024..1025);
    driver.notify(FREE_PAGE);
    assert_eq!((device.open_round(), device.hinted_pages()), (Some(id), [1024].into()));
    driver.reset_queue(FREE_PAGE);
    driver.set_up_queue(FREE_PAGE);
    driver.add_run(FREE_PAGE, 1, 1025..1026);
    driver.notify(FREE_PAGE);
    assert_eq!(device.hinted_pages(), [1024, 1025].into());
    assert_no_violations(&device);
}

#[test]
fn without_the_feature_the_register_is_not_implemented() {
    let (device, driver) = live_with(builder(), 0);
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert_eq!(driver.io.read32(reg::QUEUE_RESET), 0);
    let needless = |access| RegisterViolation::NotImplemented { access, offset: reg::QUEUE_RESET };
    assert_violations(&device, [needless(Access::Write), needless(Access::Read)]);
}

#[test]
fn a_queue_reset_recovers_from_a_lost_buffer() {
    let (device, mut driver) = live(builder().inject(QueueFault::NeverCompletes.at(0)));
    driver.send(INFLATE, &[1024]);
    driver.reset_queue(INFLATE);
    driver.set_up_queue(INFLATE);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    assert_no_violations(&device);
}
