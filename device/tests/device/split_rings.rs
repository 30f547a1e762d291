//! What only split rings have: indexes.

use aerostat_device::{BalloonDevice, Notifications, QueueFault, Registers, features};

use super::by_hand::{ByHand, INFLATE, assert_violations, live_8_mib};

#[test]
fn wanted_notifications_move_the_event_index_on() {
    let offered = features::VERSION_1 | features::EVENT_IDX;
    let builder = BalloonDevice::builder().memory(8 << 20).notifications(Notifications::Enabled).features(offered);
    let device = builder.inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up_with(offered);
    // `avail_event` is behind the used entries.
    let event = ByHand::<Registers>::area(INFLATE) + 0x2000 + 4 + 8 * 8;
    for told in 1..4 {
        driver.tell(INFLATE, &[1023 + u32::from(told)]);
        assert_eq!(driver.half(event), told, "a notification is wanted for the next buffer");
    }
}

#[test]
fn the_event_index_holds_interrupts_back() {
    let offered = features::VERSION_1 | features::EVENT_IDX;
    let device = BalloonDevice::builder().memory(8 << 20).features(offered).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up_with(offered);
    // An interrupt when the second buffer is used: `used_event` is 1.
    let used_event = ByHand::<Registers>::area(INFLATE) + 0x1000 + 4 + 2 * 8;
    driver.memory.write(used_event, &1_u16.to_le_bytes()).unwrap();
    driver.tell(INFLATE, &[1024]);
    assert_eq!(device.interrupt_line().count(), 0);
    driver.tell(INFLATE, &[1025]);
    assert_eq!(device.interrupt_line().count(), 1);
    assert_violations(&device, &[]);
}

#[test]
fn the_used_index_jumps_until_the_next_buffer() {
    for (jump, index) in [(5, 6), (-2, u16::MAX), (i16::MIN, 0x8001)] {
        let (device, mut driver) = live_8_mib();
        device.misbehave(QueueFault::UsedIndexJump(jump).at(0));
        driver.tell(INFLATE, &[1024]);
        assert_eq!(driver.used_index(INFLATE), index);
        driver.tell(INFLATE, &[1025]);
        assert_eq!(driver.used_index(INFLATE), 2);
    }
}
