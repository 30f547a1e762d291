//! The faults of registers.

use aerostat_device::{BalloonDevice, Event, RegisterFault, features};
use aerostat_transport::Io;

use super::raw_driver::{FEATURES_OK, assert_no_violations, live_8_mib, reg, start};

#[test]
fn registers_can_read_wrong_values() {
    let (device, driver) = live_8_mib();
    for (fault, offset, value) in [
        (RegisterFault::MagicValue(1), reg::MAGIC, 1),
        (RegisterFault::Version(1), reg::VERSION, 1),
        (RegisterFault::DeviceId(0), reg::DEVICE_ID, 0),
        (RegisterFault::SetsStatusBits(0x20), reg::STATUS, 0x2f),
        (RegisterFault::NumPages(u32::MAX), reg::NUM_PAGES, u32::MAX),
        (RegisterFault::Actual(3), reg::ACTUAL, 3),
        (RegisterFault::SetsInterruptBits(0xfc), reg::INTERRUPT_STATUS, 0xfc),
        (RegisterFault::QueueSizeMax(65535), reg::QUEUE_SIZE_MAX, 65535),
        (RegisterFault::QueueReady(2), reg::QUEUE_READY, 2),
    ] {
        device.inject(fault);
        assert_eq!(driver.io.read32(offset), value, "{fault:?}");
        device.clear_faults();
        assert_ne!(driver.io.read32(offset), value, "{fault:?}");
    }
    assert_no_violations(&device);
}

#[test]
fn the_later_fault_takes_effect() {
    let (device, driver) = live_8_mib();
    device.inject(RegisterFault::NumPages(1));
    device.inject(RegisterFault::NumPages(2));
    assert_eq!(driver.io.read32(reg::NUM_PAGES), 2);
}

#[test]
fn any_features_can_be_offered() {
    for odd in [0, features::MUST_TELL_HOST, u64::MAX] {
        let (device, mut driver) = start(BalloonDevice::builder().inject(RegisterFault::Features(odd)).inline());
        driver.identify();
        assert_eq!(driver.offered(), odd);
        assert_eq!(driver.negotiate(odd) & FEATURES_OK != 0, odd & features::VERSION_1 != 0);
        assert_no_violations(&device);
    }
}

#[test]
fn features_ok_can_be_cleared() {
    let (device, mut driver) = start(BalloonDevice::builder().inject(RegisterFault::ClearsFeaturesOk).inline());
    assert_eq!(driver.negotiate(features::VERSION_1) & FEATURES_OK, 0);
    assert!(device.events().contains(&Event::FeaturesRejected(features::VERSION_1)));
}

#[test]
fn the_generation_can_change_at_every_read() {
    let (device, driver) = live_8_mib();
    device.inject(RegisterFault::GenerationAlwaysChanges);
    assert_ne!(driver.io.read32(reg::GENERATION), driver.io.read32(reg::GENERATION));
}
