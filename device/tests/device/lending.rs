//! The platform's side of reports, hints and statistics.

use aerostat_balloon::{FrameRun, Frames, Size4KiB, Size64KiB};
use aerostat_device::{BalloonDevice, FrameEvent, OwnershipViolation, Registers, TestPlatform, features};
use aerostat_transport::Io;

use super::by_hand::{ByHand, FREE_PAGE, REPORTING, live_and_working, reg};

const FEATURES: u64 = features::PAGE_REPORTING | features::FREE_PAGE_HINT;

/// A device that works by hand, its driver, and a platform whose frames are above the driver's rings.
fn rig() -> (BalloonDevice, ByHand<Registers>, TestPlatform) {
    let (device, driver) = live_and_working(BalloonDevice::builder().manual(), FEATURES);
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().use_frames(1024);
    (device, driver, platform)
}

fn range(run: &FrameRun<Size4KiB>) -> std::ops::Range<u64> {
    run.first()..run.first() + u64::from(run.count())
}

#[test]
fn runs_are_lent_once_until_they_were_used() {
    let (_device, _driver, mut platform) = rig();
    let ledger = platform.ledger();
    let run = platform.lend_free_run(64, 128).unwrap();
    assert_eq!((run.first(), run.count()), (1280, 128));
    assert_eq!((ledger.lent_frames().len(), ledger.unreported_frames()), (128, 384));
    platform.deallocate_reported(run);
    assert!(ledger.is_settled());
    assert_eq!((ledger.reported_frames(), ledger.unreported_frames()), (128, 384));
    let next = platform.lend_free_run(64, 1024).unwrap();
    assert_eq!((next.first(), next.count()), (1408, 384));
    platform.deallocate(next);
    assert_eq!((ledger.reported_frames(), ledger.unreported_frames()), (128, 384), "that one was not reported");
    // The kernel uses reported frames and frees them.
    ledger.use_frames(512);
    ledger.unuse_frames();
    assert_eq!(ledger.reported_frames(), 0);
    assert!(platform.lend_free_run(2048, 4096).is_none());
    assert_eq!(ledger.events().last(), Some(&FrameEvent::Absent));
    assert_eq!(ledger.violations(), []);
}

#[test]
fn runs_of_larger_frames() {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let mut platform = TestPlatform::<Size64KiB>::of(&device).unwrap();
    let run = platform.lend_free_run(32, 32).unwrap();
    assert_eq!((run.address(), run.count()), (2 << 20, 32));
    platform.fill(&run, 0x0101_0101);
    assert!((512..1024).all(|page| device.memory().is_filled_with(page, 0x0101_0101)));
    assert!(!device.memory().is_resident(511) && !device.memory().is_resident(1024));
    platform.deallocate(run);
}

#[test]
fn a_frame_that_comes_back_while_it_is_reported_is_noticed() {
    let (device, mut driver, mut platform) = rig();
    let ledger = platform.ledger();
    let (early, good) = (platform.lend_free_run(1, 1).unwrap(), platform.lend_free_run(1, 1).unwrap());
    let (frame, pages) = (early.first(), range(&good));
    driver.offer_run(REPORTING, 0, range(&early));
    driver.notify(REPORTING);
    assert!(device.step());
    platform.deallocate(early);
    assert_eq!(ledger.violations(), [OwnershipViolation::WhileReported(frame)]);
    assert_eq!(platform.allocate(1).map(|run| run.first()), Some(frame));
    assert_eq!(ledger.violations().last(), Some(&OwnershipViolation::ReportedUnowned(frame)));
    while device.step() {}
    driver.offer_run(REPORTING, 0, pages);
    driver.notify(REPORTING);
    while device.step() {}
    platform.deallocate_reported(good);
    assert_eq!(ledger.violations().len(), 2);
}

#[test]
fn a_frame_that_comes_back_before_the_device_is_done_with_its_hint_is_noticed() {
    let (device, mut driver, mut platform) = rig();
    let ledger = platform.ledger();
    let (early, good) = (platform.lend_free_run(1, 1).unwrap(), platform.lend_free_run(1, 1).unwrap());
    let frame = early.first();
    let id = device.start_hinting();
    assert_eq!(driver.io.read32(reg::HINT_COMMAND), id);
    driver.offer_bytes(FREE_PAGE, 0, &id.to_le_bytes());
    driver.offer_run(FREE_PAGE, 1, range(&early));
    driver.offer_run(FREE_PAGE, 2, range(&good));
    driver.notify(FREE_PAGE);
    while device.step() {}
    device.finish_hinting();
    platform.deallocate(early);
    assert_eq!(ledger.violations(), [OwnershipViolation::WhileHinted(frame)]);
    assert_eq!(platform.allocate(1).map(|run| run.first()), Some(frame));
    assert_eq!(ledger.violations().last(), Some(&OwnershipViolation::HintedUnowned(frame)));
    driver.io.read32(reg::HINT_COMMAND);
    platform.deallocate(good);
    assert_eq!(ledger.violations().len(), 2);
}

#[test]
fn the_kernel_says_what_it_is_told_to_and_counts() {
    let (_device, _driver, mut platform) = rig();
    let ledger = platform.ledger();
    assert_eq!(platform.sample_statistics(), []);
    ledger.set_statistics([(4, 1), (5, 2)]);
    assert_eq!(platform.sample_statistics(), [(4, 1), (5, 2)]);
    assert_eq!(ledger.statistics_asked(), 2);
}
