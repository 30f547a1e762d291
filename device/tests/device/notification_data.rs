//! Notifications with the position of the next available buffer: NOTIFICATION_DATA.

use aerostat_device::{BalloonDevice, QueueViolation, Registers, features};
use aerostat_transport::Io;

use super::FORMAT;
use super::raw_driver::{
    INFLATE, RawDriver, SIZE, assert_no_violations, assert_violations, builder, live_in_mode, reg,
};
use crate::Format;

fn live() -> (BalloonDevice, RawDriver<Registers>) {
    live_in_mode(builder().inline(), features::NOTIFICATION_DATA)
}

#[test]
fn correct_positions_are_accepted() {
    let (device, mut driver) = live();
    for buffer in 0..3 * SIZE {
        driver.add_array(INFLATE, buffer % SIZE, &[1024 + u32::from(buffer)]);
        if buffer % 3 == 0 {
            driver.notify_with_position(INFLATE);
            // A repeated notification is valid.
            driver.notify_with_position(INFLATE);
        }
    }
    driver.notify_with_position(INFLATE);
    assert_eq!(device.host_page_count(), 24);
    assert_no_violations(&device);
}

#[test]
fn a_wrong_position_is_a_violation() {
    let (device, mut driver) = live();
    driver.send(INFLATE, &[1024]);
    let position = if FORMAT == Format::Packed { 0x8001 } else { 1 };
    assert_violations(&device, [QueueViolation::NotificationData { queue: INFLATE, data: 0, position }]);
    assert!(device.has_page(1024), "the notification takes effect");
    driver.io.write32(reg::QUEUE_NOTIFY, 7 | 1 << 16);
    assert_eq!(device.violations().last(), Some(&QueueViolation::NotifiedNotReady { queue: 7 }.into()));
}

#[test]
fn without_the_feature_the_value_is_the_queue_number() {
    let (device, mut driver) = live_in_mode(builder().inline(), 0);
    driver.add_array(INFLATE, 0, &[1024]);
    driver.notify_with_position(INFLATE);
    let value = if FORMAT == Format::Packed { 0x8001_0000 } else { 0x1_0000 };
    assert_violations(&device, [QueueViolation::NotifiedNotReady { queue: value }]);
}
