//! Notifications that say where the next buffer goes: NOTIFICATION_DATA.

use aerostat_device::{BalloonDevice, Registers, Violation, features};
use aerostat_transport::Io;

use super::SHAPE;
use super::by_hand::{ByHand, INFLATE, SIZE, assert_violations, builder, live_and_working, reg};
use crate::Shape;

fn live() -> (BalloonDevice, ByHand<Registers>) {
    live_and_working(builder().inline(), features::NOTIFICATION_DATA)
}

#[test]
fn the_position_is_that_of_the_ring() {
    let (device, mut driver) = live();
    for buffer in 0..3 * SIZE {
        driver.offer(INFLATE, buffer % SIZE, &[1024 + u32::from(buffer)]);
        if buffer % 3 == 0 {
            driver.notify_with_position(INFLATE);
            // It may be said again.
            driver.notify_with_position(INFLATE);
        }
    }
    driver.notify_with_position(INFLATE);
    assert_eq!(device.host_page_count(), 24);
    assert_violations(&device, &[]);
}

#[test]
fn a_position_that_is_not() {
    let (device, mut driver) = live();
    driver.tell(INFLATE, &[1024]);
    let position = if SHAPE == Shape::Packed { 0x8001 } else { 1 };
    assert_violations(&device, &[Violation::NotificationData { queue: INFLATE, data: 0, position }]);
    assert!(device.has_page(1024), "it is a notification all the same");
    driver.io.write32(reg::QUEUE_NOTIFY, 7 | 1 << 16);
    assert_eq!(device.violations().last(), Some(&Violation::NotifiedUnready { queue: 7 }));
}

#[test]
fn without_the_feature_the_queue_is_all_that_is_said() {
    let (device, mut driver) = live_and_working(builder().inline(), 0);
    driver.offer(INFLATE, 0, &[1024]);
    driver.notify_with_position(INFLATE);
    let value = if SHAPE == Shape::Packed { 0x8001_0000 } else { 0x1_0000 };
    assert_violations(&device, &[Violation::NotifiedUnready { queue: value }]);
}
