//! Split rings: indexes.

use aerostat_device::{BalloonDevice, Notifications, QueueFault, Registers, features};

use super::raw_driver::{INFLATE, RawDriver, assert_no_violations, live_8_mib, start};

#[test]
fn enabled_notifications_advance_the_event_index() {
    let offered = features::VERSION_1 | features::EVENT_IDX;
    let builder = BalloonDevice::builder().memory(8 << 20).notifications(Notifications::Enabled).features(offered);
    let (_device, mut driver) = start(builder.inline());
    driver.bring_up_with(offered);
    // `avail_event` follows the used entries.
    let event = RawDriver::<Registers>::area(INFLATE) + 0x2000 + 4 + 8 * 8;
    for count in 1..4 {
        driver.send(INFLATE, &[1023 + u32::from(count)]);
        assert_eq!(driver.read_u16(event), count, "the notification for the next buffer is enabled");
    }
}

#[test]
fn the_event_index_delays_interrupts() {
    let offered = features::VERSION_1 | features::EVENT_IDX;
    let (device, mut driver) = start(BalloonDevice::builder().memory(8 << 20).features(offered).inline());
    driver.bring_up_with(offered);
    // `used_event` is 1: interrupt when the second buffer is used.
    let used_event = RawDriver::<Registers>::area(INFLATE) + 0x1000 + 4 + 2 * 8;
    driver.memory.write(used_event, &1_u16.to_le_bytes()).unwrap();
    driver.send(INFLATE, &[1024]);
    assert_eq!(device.interrupt_line().count(), 0);
    driver.send(INFLATE, &[1025]);
    assert_eq!(device.interrupt_line().count(), 1);
    assert_no_violations(&device);
}

#[test]
fn the_used_index_can_be_wrong_until_the_next_completion() {
    for (shift, index) in [(5, 6), (-2, u16::MAX), (i16::MIN, 0x8001)] {
        let (device, mut driver) = live_8_mib();
        device.inject(QueueFault::ShiftsUsedIndex(shift).at(0));
        driver.send(INFLATE, &[1024]);
        assert_eq!(driver.used_index(INFLATE), index);
        driver.send(INFLATE, &[1025]);
        assert_eq!(driver.used_index(INFLATE), 2);
    }
}
