//! Page poison: when the driver writes the value, and which pages it fills.

use aerostat_balloon::{Frames, Size4KiB};
use aerostat_device::{
    BalloonDevice, ConfigViolation, Event, FreePageViolation, OwnershipViolation, PAGE_BYTES, RegisterFault, Registers,
    TestPlatform, features,
};
use aerostat_transport::Io;

use super::raw_driver::{
    DEFLATE, FORMAT_FEATURES, INFLATE, LIVE, POISON, REPORTING, RawDriver, assert_no_violations, assert_violations,
    builder, live_in_mode, live_with, reg, start,
};

const FEATURES: u64 = features::PAGE_POISON | features::PAGE_REPORTING;

fn live() -> (BalloonDevice, RawDriver<Registers>) {
    live_with(builder(), FEATURES)
}

#[test]
fn the_value_is_written_before_driver_ok() {
    let (device, driver) = live();
    assert_eq!((device.poison(), driver.io.read32(reg::POISON_VAL)), (Some(POISON), POISON));
    assert!(device.events().contains(&Event::PoisonWritten(POISON)));
    assert_no_violations(&device);
    driver.io.write32(reg::POISON_VAL, 1);
    assert_eq!(device.poison(), Some(POISON));
    assert_violations(&device, [ConfigViolation::PoisonAfterDriverOk { status: LIVE }]);
    driver.io.write32(reg::STATUS, 0);
    assert_eq!(device.poison(), None, "a reset clears the value");
}

#[test]
fn a_missing_write_of_the_value_is_a_violation() {
    let offered = 1 << 32 | features::PAGE_POISON;
    // Without the field in the configuration space the driver cannot write it.
    for (bytes, expected) in [(16, &[ConfigViolation::PoisonNotWritten][..]), (12, &[])] {
        let builder = builder().features(offered | FORMAT_FEATURES).config_bytes(bytes);
        let (device, mut driver) = start(builder.inline());
        driver.bring_up_with(offered);
        assert_violations(&device, expected.iter().copied());
        assert_eq!(device.poison(), None);
    }
}

#[test]
fn the_value_can_read_differently() {
    let (device, driver) = live();
    device.inject(RegisterFault::PoisonVal(7));
    assert_eq!((driver.io.read32(reg::POISON_VAL), device.poison()), (7, Some(POISON)));
}

#[test]
fn reported_pages_are_filled_and_stay_filled() {
    let (device, mut driver) = live();
    driver.memory.fill_with(1024..1028, POISON);
    driver.memory.write(1026 * PAGE_BYTES + 4092, &[0]).unwrap();
    driver.add_run(REPORTING, 0, 1024..1028);
    driver.notify(REPORTING);
    assert_violations(&device, [FreePageViolation::NotPoisoned { page: 1026 }]);
    assert!(driver.memory.is_resident(1024) && driver.memory.is_filled_with(1024, POISON));
}

#[test]
fn pages_poisoned_with_zero_are_discarded() {
    let (device, mut driver) = live();
    driver.negotiate(1 << 32 | FEATURES);
    driver.io.write32(reg::POISON_VAL, 0);
    driver.set_up_queues(FEATURES);
    driver.set_driver_ok();
    driver.memory.fill(1024..1025, 0);
    driver.memory.fill(1025..1026, 1);
    driver.add_run(REPORTING, 0, 1024..1026);
    driver.notify(REPORTING);
    assert!(!driver.memory.is_resident(1024));
    assert_violations(&device, [FreePageViolation::NotPoisoned { page: 1025 }]);
}

#[test]
fn writing_to_a_reported_poisoned_page_is_a_violation() {
    let (device, mut driver) = live_in_mode(builder().manual(), FEATURES);
    driver.memory.fill_with(1024..1026, POISON);
    driver.add_run(REPORTING, 0, 1024..1026);
    driver.notify(REPORTING);
    assert!(device.step());
    driver.memory.write(1024 * PAGE_BYTES, &[1]).unwrap();
    assert!(device.step());
    assert_violations(&device, [FreePageViolation::TouchedWhileReported { page: 1024 }]);
}

#[test]
fn deflated_frames_are_returned_filled() {
    let (device, mut driver) = live();
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    // The rings of the raw driver are in low frames.
    ledger.use_frames(1024);
    let (good, bad, unused) =
        (platform.allocate(1).unwrap(), platform.allocate(1).unwrap(), platform.allocate(1).unwrap());
    let pages = [good.first() as u32, bad.first() as u32];
    driver.send(INFLATE, &pages);
    driver.send(DEFLATE, &pages);
    platform.deallocate(unused);
    platform.fill(&good, POISON);
    platform.deallocate(good);
    assert_eq!(ledger.violations(), []);
    let frame = bad.first();
    platform.deallocate(bad);
    assert_eq!(ledger.violations(), [OwnershipViolation::NotPoisoned { frame, value: POISON }]);

    // Now the frame was not in the balloon.
    let again = platform.allocate(2).unwrap();
    platform.deallocate(again);
    assert_eq!(ledger.violations().len(), 1);
    assert_no_violations(&device);
}

#[test]
fn without_the_feature_frames_need_not_be_filled() {
    let (device, mut driver) = live_with(builder(), 0);
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().use_frames(1024);
    let run = platform.allocate(1).unwrap();
    driver.send(INFLATE, &[run.first() as u32]);
    driver.send(DEFLATE, &[run.first() as u32]);
    platform.deallocate(run);
    assert_eq!(platform.ledger().violations(), []);
}
