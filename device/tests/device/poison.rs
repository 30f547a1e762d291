//! Page poison: when the value is written, and what is filled with it.

use aerostat_balloon::{Frames, Size4KiB};
use aerostat_device::{
    BalloonDevice, Event, FreePageViolation, OwnershipViolation, PAGE_BYTES, RegisterFault, Registers, TestPlatform,
    Violation, features,
};
use aerostat_transport::Io;

use super::by_hand::{LIVE, ByHand, DEFLATE, INFLATE, POISON, REPORTING, assert_broken, assert_violations, live_and_working, live_with, reg, builder, SHAPED};

const FEATURES: u64 = features::PAGE_POISON | features::PAGE_REPORTING;

fn live() -> (BalloonDevice, ByHand<Registers>) {
    live_with(builder(), FEATURES)
}

#[test]
fn the_value_is_written_before_the_device_is_live() {
    let (device, driver) = live();
    assert_eq!((device.poison(), driver.io.read32(reg::POISON_VAL)), (Some(POISON), POISON));
    assert!(device.events().contains(&Event::PoisonWritten(POISON)));
    assert_violations(&device, &[]);
    driver.io.write32(reg::POISON_VAL, 1);
    assert_eq!(device.poison(), Some(POISON));
    assert_violations(&device, &[Violation::PoisonAfterDriverOk { status: LIVE }]);
    driver.io.write32(reg::STATUS, 0);
    assert_eq!(device.poison(), None, "a reset forgets it");
}

#[test]
fn the_value_is_not_written() {
    let offered = 1 << 32 | features::PAGE_POISON;
    // Where the configuration ends before the field, the driver cannot do it.
    for (bytes, expected) in [(16, &[Violation::PoisonNotWritten][..]), (12, &[])] {
        let builder = builder().features(offered | SHAPED).config_bytes(bytes);
        let device = builder.inline().start().unwrap();
        let mut driver = ByHand::new(device.registers(), device.memory());
        driver.bring_up_with(offered);
        assert_violations(&device, expected);
        assert_eq!(device.poison(), None);
    }
}

#[test]
fn the_value_reads_as_another() {
    let (device, driver) = live();
    device.misbehave(RegisterFault::PoisonVal(7));
    assert_eq!((driver.io.read32(reg::POISON_VAL), device.poison()), (7, Some(POISON)));
}

#[test]
fn reported_pages_are_filled_and_stay_so() {
    let (device, mut driver) = live();
    driver.memory.fill_with(1024..1028, POISON);
    driver.memory.write(1026 * PAGE_BYTES + 4092, &[0]).unwrap();
    driver.offer_run(REPORTING, 0, 1024..1028);
    driver.notify(REPORTING);
    assert_broken(&device, [FreePageViolation::NotPoisoned { page: 1026 }]);
    assert!(driver.memory.is_resident(1024) && driver.memory.is_filled_with(1024, POISON));
}

#[test]
fn pages_poisoned_with_zero_are_dropped() {
    let (device, mut driver) = live();
    driver.negotiate(1 << 32 | FEATURES);
    driver.io.write32(reg::POISON_VAL, 0);
    driver.set_up_queues(FEATURES);
    driver.go_live();
    driver.memory.fill(1024..1025, 0);
    driver.memory.fill(1025..1026, 1);
    driver.offer_run(REPORTING, 0, 1024..1026);
    driver.notify(REPORTING);
    assert!(!driver.memory.is_resident(1024));
    assert_broken(&device, [FreePageViolation::NotPoisoned { page: 1025 }]);
}

#[test]
fn a_poisoned_page_that_is_written_while_it_is_reported() {
    let (device, mut driver) = live_and_working(builder().manual(), FEATURES);
    driver.memory.fill_with(1024..1026, POISON);
    driver.offer_run(REPORTING, 0, 1024..1026);
    driver.notify(REPORTING);
    assert!(device.step());
    driver.memory.write(1024 * PAGE_BYTES, &[1]).unwrap();
    assert!(device.step());
    assert_broken(&device, [FreePageViolation::TouchedWhileReported { page: 1024 }]);
}

#[test]
fn frames_out_of_the_balloon_come_back_filled() {
    let (device, mut driver) = live();
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    // The rings of the driver by hand are in low frames.
    ledger.use_frames(1024);
    let (good, bad, unused) = (platform.allocate(1).unwrap(), platform.allocate(1).unwrap(), platform.allocate(1).unwrap());
    let pages = [good.first() as u32, bad.first() as u32];
    driver.tell(INFLATE, &pages);
    driver.tell(DEFLATE, &pages);
    platform.deallocate(unused);
    platform.fill(&good, POISON);
    platform.deallocate(good);
    assert_eq!(ledger.violations(), []);
    let frame = bad.first();
    platform.deallocate(bad);
    assert_eq!(ledger.violations(), [OwnershipViolation::NotPoisoned { frame, value: POISON }]);

    // The next time it was not in the balloon.
    let again = platform.allocate(2).unwrap();
    platform.deallocate(again);
    assert_eq!(ledger.violations().len(), 1);
    assert_violations(&device, &[]);
}

#[test]
fn without_the_feature_frames_may_come_back_as_they_are() {
    let (device, mut driver) = live_with(builder(), 0);
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().use_frames(1024);
    let run = platform.allocate(1).unwrap();
    driver.tell(INFLATE, &[run.first() as u32]);
    driver.tell(DEFLATE, &[run.first() as u32]);
    platform.deallocate(run);
    assert_eq!(platform.ledger().violations(), []);
}
