//! One queue that starts over while the device is live: RING_RESET.

use aerostat_device::{
    Access, BalloonDevice, Builder, Event, QueueFault, RegisterFault, Registers, Violation, features,
};
use aerostat_transport::Io;

use super::by_hand::{
    ByHand, DEFLATE, FREE_PAGE, INFLATE, REPORTING, assert_violations, builder, live_and_working, live_with, reg,
};

const FEATURES: u64 = features::RING_RESET | features::PAGE_REPORTING | features::FREE_PAGE_HINT;

fn live(builder: Builder) -> (BalloonDevice, ByHand<Registers>) {
    live_with(builder, FEATURES)
}

#[test]
fn a_queue_starts_over_and_the_others_go_on() {
    let (device, mut driver) = live(builder());
    driver.tell(INFLATE, &[1024, 1025]);
    assert_eq!(driver.reset_queue(INFLATE), 0);
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 0);
    driver.tell(DEFLATE, &[1024]);
    assert_eq!(device.host_pages(), [1025].into());
    driver.set_up_queue(INFLATE);
    assert_eq!(driver.io.read32(reg::QUEUE_RESET), 0);
    driver.tell(INFLATE, &[1026]);
    assert_eq!((driver.used_index(INFLATE), device.host_pages()), (1, [1025, 1026].into()));
    assert!(device.events().contains(&Event::QueueReset { queue: INFLATE }));
    assert_violations(&device, &[]);
}

#[test]
fn what_the_device_had_is_forgotten() {
    let (device, mut driver) = live_and_working(builder().manual(), FEATURES);
    driver.memory.fill(1024..1030, 1);
    driver.tell(INFLATE, &[1024]);
    driver.offer_run(REPORTING, 0, 1025..1027);
    driver.notify(REPORTING);
    while device.step() && device.reported_pages().is_empty() {}
    for queue in [INFLATE, REPORTING] {
        driver.reset_queue(queue);
        driver.set_up_queue(queue);
    }
    while device.step() {}
    assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (0, 0));
    assert_eq!((device.host_page_count(), device.reported_pages().len()), (0, 0));
    assert_violations(&device, &[]);
}

#[test]
fn a_reset_may_take_its_time() {
    let (device, mut driver) = live(builder());
    device.misbehave(RegisterFault::SlowQueueReset(3));
    assert_eq!(driver.reset_queue(INFLATE), 3);
    device.misbehave(RegisterFault::SlowQueueReset(u32::MAX));
    driver.io.write32(reg::QUEUE_SEL, DEFLATE.into());
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert!((0..1000).all(|_| driver.io.read32(reg::QUEUE_RESET) == 1));
    assert_violations(&device, &[]);
}

#[test]
fn a_reset_is_read_to_be_complete() {
    let (device, driver) = live(builder());
    driver.io.write32(reg::QUEUE_SEL, INFLATE.into());
    driver.io.write32(reg::QUEUE_RESET, 1);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    driver.notify(INFLATE);
    let queue = INFLATE.into();
    assert_violations(
        &device,
        &[Violation::QueueResetUnread { queue, offset: reg::QUEUE_SIZE }, Violation::NotifiedUnready { queue }],
    );
}

#[test]
fn a_queue_is_found_out_about_anew() {
    let (device, mut driver) = live(builder());
    driver.reset_queue(INFLATE);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let area = ByHand::<Registers>::area(INFLATE);
    for (register, part) in [(reg::QUEUE_DESC, 0), (reg::QUEUE_DRIVER, 0x1000), (reg::QUEUE_DEVICE, 0x2000)] {
        driver.set_address(register, area + part);
    }
    driver.memory.write(area, &[0; 0x3000]).unwrap();
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, &[Violation::QueueNotChecked { queue: INFLATE.into() }]);
    // Once it is ready, the device is as live as before.
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let late = Violation::QueueOutOfTurn { queue: INFLATE.into(), offset: reg::QUEUE_SIZE, status: 15 };
    assert_eq!(device.violations().last(), Some(&late));
}

#[test]
fn only_a_ready_queue_is_reset_and_by_1_only() {
    let (device, mut driver) = live(builder());
    let queue = INFLATE.into();
    driver.io.write32(reg::QUEUE_SEL, queue);
    driver.io.write32(reg::QUEUE_RESET, 0);
    driver.io.write32(reg::QUEUE_RESET, 2);
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 1);
    driver.reset_queue(INFLATE);
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert_violations(&device, &[0, 2, 1].map(|value| Violation::QueueReset { queue, value }));
}

#[test]
fn a_round_of_hints_outlives_its_queue() {
    let (device, mut driver) = live(builder());
    let id = device.start_hinting();
    assert_eq!(driver.io.read32(reg::HINT_COMMAND), id);
    for _ in 0..3 {
        driver.reset_queue(FREE_PAGE);
        driver.set_up_queue(FREE_PAGE);
    }
    driver.offer_bytes(FREE_PAGE, 0, &id.to_le_bytes());
    driver.offer_run(FREE_PAGE, 1, 1024..1025);
    driver.notify(FREE_PAGE);
    assert_eq!((device.open_round(), device.hinted_pages()), (Some(id), [1024].into()));
    driver.reset_queue(FREE_PAGE);
    driver.set_up_queue(FREE_PAGE);
    driver.offer_run(FREE_PAGE, 1, 1025..1026);
    driver.notify(FREE_PAGE);
    assert_eq!(device.hinted_pages(), [1024, 1025].into());
    assert_violations(&device, &[]);
}

#[test]
fn without_the_feature_there_is_no_such_register() {
    let (device, driver) = live_with(builder(), 0);
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert_eq!(driver.io.read32(reg::QUEUE_RESET), 0);
    let needless = |access| Violation::NeedlessRegister { access, offset: reg::QUEUE_RESET };
    assert_violations(&device, &[needless(Access::Write), needless(Access::Read)]);
}

#[test]
fn a_lost_buffer_comes_back_with_the_queue() {
    let (device, mut driver) = live(builder().misbehave(QueueFault::NeverAnswers.at(0)));
    driver.tell(INFLATE, &[1024]);
    driver.reset_queue(INFLATE);
    driver.set_up_queue(INFLATE);
    driver.tell(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    assert_violations(&device, &[]);
}
