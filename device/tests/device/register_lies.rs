//! Registers that lie.

use aerostat_device::{BalloonDevice, Event, RegisterFault, features};
use aerostat_transport::Io;

use super::by_hand::{ByHand, FEATURES_OK, assert_violations, live_8_mib, reg};

#[test]
fn registers_lie() {
    let (device, driver) = live_8_mib();
    for (fault, offset, value) in [
        (RegisterFault::MagicValue(1), reg::MAGIC, 1),
        (RegisterFault::Version(1), reg::VERSION, 1),
        (RegisterFault::DeviceId(0), reg::DEVICE_ID, 0),
        (RegisterFault::StatusBits(0x20), reg::STATUS, 0x2f),
        (RegisterFault::NumPages(u32::MAX), reg::NUM_PAGES, u32::MAX),
        (RegisterFault::Actual(3), reg::ACTUAL, 3),
        (RegisterFault::InterruptBits(0xfc), reg::INTERRUPT_STATUS, 0xfc),
        (RegisterFault::QueueSizeMax(65535), reg::QUEUE_SIZE_MAX, 65535),
        (RegisterFault::QueueReady(2), reg::QUEUE_READY, 2),
    ] {
        device.misbehave(fault);
        assert_eq!(driver.io.read32(offset), value, "{fault:?}");
        device.behave();
        assert_ne!(driver.io.read32(offset), value, "{fault:?}");
    }
    assert_violations(&device, &[]);
}

#[test]
fn the_later_lie_holds() {
    let (device, driver) = live_8_mib();
    device.misbehave(RegisterFault::NumPages(1));
    device.misbehave(RegisterFault::NumPages(2));
    assert_eq!(driver.io.read32(reg::NUM_PAGES), 2);
}

#[test]
fn odd_features_are_offered_and_agreed_to() {
    for odd in [0, features::MUST_TELL_HOST, u64::MAX] {
        let device = BalloonDevice::builder().misbehave(RegisterFault::Features(odd)).inline().start().unwrap();
        let mut driver = ByHand::new(device.registers(), device.memory());
        driver.identify();
        assert_eq!(driver.offered(), odd);
        assert_eq!(driver.negotiate(odd) & FEATURES_OK != 0, odd & features::VERSION_1 != 0);
        assert_violations(&device, &[]);
    }
}

#[test]
fn features_ok_is_lost() {
    let device = BalloonDevice::builder().misbehave(RegisterFault::LosesFeaturesOk).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    assert_eq!(driver.negotiate(features::VERSION_1) & FEATURES_OK, 0);
    assert!(device.events().contains(&Event::FeaturesRejected(features::VERSION_1)));
}

#[test]
fn the_generation_never_settles() {
    let (device, driver) = live_8_mib();
    device.misbehave(RegisterFault::GenerationNeverSettles);
    assert_ne!(driver.io.read32(reg::GENERATION), driver.io.read32(reg::GENERATION));
}
