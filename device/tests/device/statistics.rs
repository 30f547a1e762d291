//! The statistics queue: correct behaviour, violations and faults.

use std::time::Duration;

use aerostat_device::{
    BalloonDevice, Event, PageViolation, QueueFault, QueueViolation, Registers, StatisticsViolation, Work,
    features::STATS_VQ,
};
use aerostat_transport::Io;

use super::raw_driver::{
    DRIVER_OK, FORMAT_FEATURES, INFLATE, PRIMED, RawDriver, STATISTICS, assert_no_violations, assert_violations,
    builder, live_in_mode, live_with, reg, start,
};

fn live() -> (BalloonDevice, RawDriver<Registers>) {
    live_with(builder(), STATS_VQ)
}

#[test]
fn the_first_buffer_is_read_and_held() {
    let (device, driver) = live();
    assert_eq!(device.statistics(), Some(PRIMED.to_vec()));
    assert_eq!((device.statistics_count(), driver.used_index(STATISTICS)), (1, 0));
    assert_no_violations(&device);
}

#[test]
fn each_request_returns_new_statistics() {
    let (device, mut driver) = live();
    for round in 1..4_u16 {
        device.clear_events();
        assert!(device.request_statistics());
        assert_eq!(driver.used_index(STATISTICS), round);
        assert!(!device.request_statistics(), "the driver has not answered yet");
        let values = [(5, 8 << 20), (4, u64::from(round))];
        driver.add_statistics(0, &values);
        driver.notify(STATISTICS);
        assert_eq!((device.statistics(), device.statistics_count()), (Some(values.to_vec()), 1 + u64::from(round)));
        assert_eq!(device.events()[0], Event::StatisticsRequested);
        assert_eq!(device.events().last(), Some(&Event::Statistics { values: values.to_vec() }));
    }
    assert_eq!(device.interrupt_line().count(), 3);
    assert_no_violations(&device);
}

#[test]
fn a_reset_clears_the_statistics_and_their_tags() {
    let (device, mut driver) = live();
    driver.accept_features(1 << 32 | STATS_VQ);
    assert_eq!(device.statistics(), None);
    assert!(!device.request_statistics());
    driver.set_up_queues(0);
    driver.set_up_queue(STATISTICS);
    driver.add_statistics(0, &[(0, 0)]);
    driver.set_driver_ok();
    driver.notify(STATISTICS);
    assert_eq!(device.statistics(), Some(vec![(0, 0)]));
    assert_no_violations(&device);
}

#[test]
fn without_the_feature_requests_have_no_effect() {
    let (device, _driver) = live_with(builder(), 0);
    assert!(!device.request_statistics());
    assert_eq!(device.statistics(), None);
    assert_no_violations(&device);
}

#[test]
fn a_device_that_only_acknowledges_still_reads_statistics() {
    let (device, _driver) = live_with(builder().work(Work::Acknowledge), STATS_VQ);
    assert!(device.statistics().is_some());
    assert!(device.request_statistics());
}

/// Returns a device before DRIVER_OK, without the statistics queue.
fn unprimed() -> (BalloonDevice, RawDriver<Registers>) {
    let features = 1 << 32 | STATS_VQ;
    let (device, mut driver) = start(builder().features(features | FORMAT_FEATURES).inline());
    driver.accept_features(features);
    driver.set_up_queues(0);
    (device, driver)
}

#[test]
fn an_empty_queue_at_driver_ok_is_a_violation() {
    let (device, driver) = unprimed();
    driver.set_up_queue(STATISTICS);
    driver.set_driver_ok();
    assert_violations(&device, [StatisticsViolation::NotPrimed { buffers: 0 }]);
}

#[test]
fn a_missing_queue_at_driver_ok_is_a_violation() {
    let (device, driver) = unprimed();
    driver.set_driver_ok();
    assert_violations(&device, [QueueViolation::NotSetUp { queue: STATISTICS }]);
}

#[test]
fn a_first_buffer_without_a_notification_is_a_violation() {
    let (device, mut driver) = unprimed();
    driver.set_up_queue(STATISTICS);
    driver.add_statistics(0, &PRIMED);
    driver.set_driver_ok();
    assert_eq!(driver.io.read32(reg::STATUS) & DRIVER_OK, DRIVER_OK);
    assert!(!device.request_statistics());
    assert_violations(&device, [StatisticsViolation::NotNotified]);
}

#[test]
fn a_pending_notification_is_not_a_violation() {
    let (device, mut driver) = live_in_mode(builder().manual(), STATS_VQ);
    assert!(!device.request_statistics(), "the device has not taken the buffer yet");
    device.settle(Duration::from_secs(10)).unwrap();
    assert!(device.request_statistics());
    // The device completes the buffer, and enables notifications only in a later step.
    assert!(device.step());
    driver.add_statistics(0, &PRIMED);
    driver.notify(STATISTICS);
    assert!(!device.request_statistics());
    device.settle(Duration::from_secs(10)).unwrap();
    assert_eq!(device.statistics_count(), 2);
    assert_no_violations(&device);
}

#[test]
fn two_buffers_are_a_violation() {
    let (device, mut driver) = live();
    driver.add_statistics(1, &PRIMED);
    driver.notify(STATISTICS);
    assert_violations(&device, [StatisticsViolation::TwoBuffers { head: 1 }]);
}

#[test]
fn invalid_statistics_buffers_are_violations() {
    for (bytes, entries) in [(0, 0), (9, 0), (12, 1), (19, 1)] {
        let (device, mut driver) = unprimed();
        driver.set_up_queue(STATISTICS);
        driver.add_bytes(STATISTICS, 0, &vec![7; bytes]);
        driver.set_driver_ok();
        driver.notify(STATISTICS);
        assert_violations(&device, [StatisticsViolation::Length { bytes: bytes as u64 }]);
        assert_eq!(device.statistics().map(|values| values.len()), Some(entries));
    }

    let (device, mut driver) = unprimed();
    driver.set_up_queue(STATISTICS);
    driver.describe(STATISTICS, 0, 0x30_0000, 20, 2, 0);
    driver.add_head(STATISTICS, 0);
    driver.set_driver_ok();
    driver.notify(STATISTICS);
    assert_violations(&device, [PageViolation::WritableArray { queue: STATISTICS, head: 0 }]);
}

#[test]
fn statistics_can_have_several_descriptors() {
    let (device, mut driver) = live();
    assert!(device.request_statistics());
    driver.add_statistics(0, &PRIMED);
    // Splits the buffer in the middle of an entry.
    let array = RawDriver::<Registers>::array(STATISTICS, 0);
    driver.describe(STATISTICS, 0, array, 13, 1, 1);
    driver.describe(STATISTICS, 1, array + 13, 7, 0, 0);
    driver.notify(STATISTICS);
    assert_eq!(device.statistics(), Some(PRIMED.to_vec()));
    assert_no_violations(&device);
}

#[test]
fn repeated_and_changed_tags_are_violations() {
    let (device, mut driver) = live();
    assert!(device.request_statistics());
    driver.add_statistics(0, &[(5, 1), (4, 2), (5, 3)]);
    driver.notify(STATISTICS);
    assert!(device.request_statistics());
    driver.add_statistics(0, &[(4, 1)]);
    driver.notify(STATISTICS);
    assert_violations(
        &device,
        [
            StatisticsViolation::TagTwice { tag: 5 },
            StatisticsViolation::TagsChanged { before: vec![4, 5], now: vec![4, 5, 5] },
            StatisticsViolation::TagsChanged { before: vec![4, 5, 5], now: vec![4] },
        ],
    );
}

#[test]
fn the_buffer_can_be_completed_twice_or_never() {
    let (device, driver) = live_with(builder().inject(QueueFault::CompletesTwice.on(STATISTICS)), STATS_VQ);
    assert_eq!(driver.used_index(STATISTICS), 0);
    assert!(device.request_statistics());
    assert_eq!(driver.used_index(STATISTICS), 2);

    let fault = QueueFault::NeverCompletes.on(STATISTICS);
    let (device, mut driver) = live_with(builder().inject(fault), STATS_VQ);
    assert!(device.request_statistics());
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(STATISTICS), driver.used_index(INFLATE)), (0, 1));
    assert!(!device.request_statistics());
}

#[test]
fn the_buffer_can_be_completed_late() {
    let fault = QueueFault::DelaysCompletion(2).on(STATISTICS);
    let (device, driver) = live_with(builder().inject(fault), STATS_VQ);
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
fn the_buffer_can_be_completed_without_a_request() {
    let (device, mut driver) = live_with(builder().inject(QueueFault::CompletesStatisticsEarly), STATS_VQ);
    assert_eq!(driver.used_index(STATISTICS), 1);
    driver.add_statistics(0, &PRIMED);
    driver.notify(STATISTICS);
    assert_eq!((driver.used_index(STATISTICS), device.statistics_count()), (2, 2));
    assert_no_violations(&device);
}
