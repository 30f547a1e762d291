//! The statistics queue: what an honest device does, each rule broken once, and each way to misbehave.

use std::time::Duration;

use aerostat_device::{
    BalloonDevice, Event, QueueFault, Registers, StatisticsViolation, Violation, Work, features::STATS_VQ,
};
use aerostat_transport::Io;

use super::by_hand::{ByHand, DRIVER_OK, INFLATE, PRIMED, STATISTICS, assert_broken, assert_violations, live_and_working, live_with, reg, builder, SHAPED};

fn live() -> (BalloonDevice, ByHand<Registers>) {
    live_with(builder(), STATS_VQ)
}

#[test]
fn the_first_buffer_is_read_and_held() {
    let (device, driver) = live();
    assert_eq!(device.statistics(), Some(PRIMED.to_vec()));
    assert_eq!((device.statistics_count(), driver.used_index(STATISTICS)), (1, 0));
    assert_violations(&device, &[]);
}

#[test]
fn each_request_brings_newer_statistics() {
    let (device, mut driver) = live();
    for round in 1..4_u16 {
        device.clear_events();
        assert!(device.request_statistics());
        assert_eq!(driver.used_index(STATISTICS), round);
        assert!(!device.request_statistics(), "the driver has not answered yet");
        let values = [(5, 8 << 20), (4, u64::from(round))];
        driver.offer_statistics(0, &values);
        driver.notify(STATISTICS);
        assert_eq!((device.statistics(), device.statistics_count()), (Some(values.to_vec()), 1 + u64::from(round)));
        assert_eq!(device.events()[0], Event::StatisticsRequested);
        assert_eq!(device.events().last(), Some(&Event::Statistics { values: values.to_vec() }));
    }
    assert_eq!(device.interrupt_line().count(), 3);
    assert_violations(&device, &[]);
}

#[test]
fn a_reset_forgets_the_statistics_and_their_tags() {
    let (device, mut driver) = live();
    driver.settle_features(1 << 32 | STATS_VQ);
    assert_eq!(device.statistics(), None);
    assert!(!device.request_statistics());
    driver.set_up_queues(0);
    driver.set_up_queue(STATISTICS);
    driver.offer_statistics(0, &[(0, 0)]);
    driver.go_live();
    driver.notify(STATISTICS);
    assert_eq!(device.statistics(), Some(vec![(0, 0)]));
    assert_violations(&device, &[]);
}

#[test]
fn without_the_feature_there_is_nobody_to_ask() {
    let (device, _driver) = live_with(builder(), 0);
    assert!(!device.request_statistics());
    assert_eq!(device.statistics(), None);
    assert_violations(&device, &[]);
}

#[test]
fn a_device_that_only_acknowledges_reads_statistics_all_the_same() {
    let (device, _driver) = live_with(builder().work(Work::Acknowledge), STATS_VQ);
    assert!(device.statistics().is_some());
    assert!(device.request_statistics());
}

/// A device on the way to DRIVER_OK, with everything set up but the first buffer.
fn unprimed() -> (BalloonDevice, ByHand<Registers>) {
    let features = 1 << 32 | STATS_VQ;
    let device = builder().features(features | SHAPED).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.settle_features(features);
    driver.set_up_queues(0);
    (device, driver)
}

#[test]
fn a_queue_without_a_buffer_at_driver_ok() {
    let (device, driver) = unprimed();
    driver.set_up_queue(STATISTICS);
    driver.go_live();
    assert_broken(&device, [StatisticsViolation::NotPrimed { buffers: 0 }]);
}

#[test]
fn a_queue_that_is_not_there_at_driver_ok() {
    let (device, driver) = unprimed();
    driver.go_live();
    assert_violations(&device, &[Violation::QueueNotSetUp { queue: STATISTICS }]);
}

#[test]
fn a_first_buffer_without_a_notification() {
    let (device, mut driver) = unprimed();
    driver.set_up_queue(STATISTICS);
    driver.offer_statistics(0, &PRIMED);
    driver.go_live();
    assert_eq!(driver.io.read32(reg::STATUS) & DRIVER_OK, DRIVER_OK);
    assert!(!device.request_statistics());
    assert_broken(&device, [StatisticsViolation::NotNotified]);
}

#[test]
fn a_notification_that_the_device_has_not_answered_yet_is_one() {
    let (device, mut driver) = live_and_working(builder().manual(), STATS_VQ);
    assert!(!device.request_statistics(), "it has not looked yet");
    device.settle(Duration::from_secs(10)).unwrap();
    assert!(device.request_statistics());
    // The device gives the buffer back and wants notifications again only after that.
    assert!(device.step());
    driver.offer_statistics(0, &PRIMED);
    driver.notify(STATISTICS);
    assert!(!device.request_statistics());
    device.settle(Duration::from_secs(10)).unwrap();
    assert_eq!(device.statistics_count(), 2);
    assert_violations(&device, &[]);
}

#[test]
fn two_buffers_at_a_time() {
    let (device, mut driver) = live();
    driver.offer_statistics(1, &PRIMED);
    driver.notify(STATISTICS);
    assert_broken(&device, [StatisticsViolation::TwoBuffers { head: 1 }]);
}

#[test]
fn statistics_of_the_wrong_shape() {
    for (bytes, entries) in [(0, 0), (9, 0), (12, 1), (19, 1)] {
        let (device, mut driver) = unprimed();
        driver.set_up_queue(STATISTICS);
        driver.offer_bytes(STATISTICS, 0, &vec![7; bytes]);
        driver.go_live();
        driver.notify(STATISTICS);
        assert_broken(&device, [StatisticsViolation::Length { bytes: bytes as u64 }]);
        assert_eq!(device.statistics().map(|values| values.len()), Some(entries));
    }

    let (device, mut driver) = unprimed();
    driver.set_up_queue(STATISTICS);
    driver.describe(STATISTICS, 0, 0x30_0000, 20, 2, 0);
    driver.offer_head(STATISTICS, 0);
    driver.go_live();
    driver.notify(STATISTICS);
    assert_violations(&device, &[Violation::WritableArray { queue: STATISTICS, head: 0 }]);
}

#[test]
fn statistics_in_several_descriptors_are_one_buffer() {
    let (device, mut driver) = live();
    assert!(device.request_statistics());
    driver.offer_statistics(0, &PRIMED);
    // Put the second half into a descriptor of its own, in the middle of an entry.
    let array = ByHand::<Registers>::array(STATISTICS, 0);
    driver.describe(STATISTICS, 0, array, 13, 1, 1);
    driver.describe(STATISTICS, 1, array + 13, 7, 0, 0);
    driver.notify(STATISTICS);
    assert_eq!(device.statistics(), Some(PRIMED.to_vec()));
    assert_violations(&device, &[]);
}

#[test]
fn tags_that_come_twice_or_change() {
    let (device, mut driver) = live();
    assert!(device.request_statistics());
    driver.offer_statistics(0, &[(5, 1), (4, 2), (5, 3)]);
    driver.notify(STATISTICS);
    assert!(device.request_statistics());
    driver.offer_statistics(0, &[(4, 1)]);
    driver.notify(STATISTICS);
    assert_broken(
        &device,
        [
            StatisticsViolation::TagTwice { tag: 5 },
            StatisticsViolation::TagsChanged { before: vec![4, 5], now: vec![4, 5, 5] },
            StatisticsViolation::TagsChanged { before: vec![4, 5, 5], now: vec![4] },
        ],
    );
}

#[test]
fn the_buffer_comes_back_twice_or_never() {
    let (device, driver) =
        live_with(builder().misbehave(QueueFault::UsedTwice.on(STATISTICS)), STATS_VQ);
    assert_eq!(driver.used_index(STATISTICS), 0);
    assert!(device.request_statistics());
    assert_eq!(driver.used_index(STATISTICS), 2);

    let silent = QueueFault::NeverAnswers.on(STATISTICS);
    let (device, mut driver) = live_with(builder().misbehave(silent), STATS_VQ);
    assert!(device.request_statistics());
    driver.tell(INFLATE, &[1024]);
    assert_eq!((driver.used_index(STATISTICS), driver.used_index(INFLATE)), (0, 1));
    assert!(!device.request_statistics());
}

#[test]
fn the_buffer_comes_back_late() {
    let late = QueueFault::Delay(2).on(STATISTICS);
    let (device, driver) = live_with(builder().misbehave(late), STATS_VQ);
    for _ in 0..3 {
        device.tick();
    }
    assert_eq!(driver.used_index(STATISTICS), 0, "the delay starts with the request");
    assert!(device.request_statistics());
    device.tick();
    assert_eq!(driver.used_index(STATISTICS), 0);
    device.tick();
    assert_eq!(driver.used_index(STATISTICS), 1);
}

#[test]
fn the_buffer_comes_back_unasked() {
    let (device, mut driver) = live_with(builder().misbehave(QueueFault::Unasked), STATS_VQ);
    assert_eq!(driver.used_index(STATISTICS), 1);
    driver.offer_statistics(0, &PRIMED);
    driver.notify(STATISTICS);
    assert_eq!((driver.used_index(STATISTICS), device.statistics_count()), (2, 2));
    assert_violations(&device, &[]);
}
