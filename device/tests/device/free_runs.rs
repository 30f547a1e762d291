//! Free runs and statistics of the test platform.

use aerostat_balloon::{FrameRun, Frames, Size4KiB, Size64KiB};
use aerostat_device::{BalloonDevice, FrameEvent, OwnershipViolation, Registers, TestPlatform, features};
use aerostat_transport::Io;

use super::raw_driver::{FREE_PAGE, REPORTING, RawDriver, live_in_mode, reg};

const FEATURES: u64 = features::PAGE_REPORTING | features::FREE_PAGE_HINT;

/// Returns a manual device, its driver, and a platform whose free frames are above the rings of the driver.
fn setup() -> (BalloonDevice, RawDriver<Registers>, TestPlatform) {
    let (device, driver) = live_in_mode(BalloonDevice::builder().manual(), FEATURES);
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().use_frames(1024);
    (device, driver, platform)
}

fn range(run: &FrameRun<Size4KiB>) -> std::ops::Range<u64> {
    run.first()..run.first() + u64::from(run.count())
}

#[test]
fn reported_runs_are_not_allocated_again_before_use() {
    let (_device, _driver, mut platform) = setup();
    let ledger = platform.ledger();
    let run = platform.allocate_free_run(64, 128).unwrap();
    assert_eq!((run.first(), run.count()), (1280, 128));
    assert_eq!((ledger.allocated_frames().len(), ledger.unreported_frames()), (128, 384));
    platform.deallocate_reported(run);
    assert!(ledger.all_returned());
    assert_eq!((ledger.reported_frames(), ledger.unreported_frames()), (128, 384));
    let next = platform.allocate_free_run(64, 1024).unwrap();
    assert_eq!((next.first(), next.count()), (1408, 384));
    platform.deallocate(next);
    assert_eq!((ledger.reported_frames(), ledger.unreported_frames()), (128, 384), "the second run was not reported");
    // The kernel allocates the reported frames and frees them.
    ledger.use_frames(512);
    ledger.free_used_frames();
    assert_eq!(ledger.reported_frames(), 0);
    assert!(platform.allocate_free_run(2048, 4096).is_none());
    assert_eq!(ledger.events().last(), Some(&FrameEvent::AllocationFailed));
    assert_eq!(ledger.violations(), []);
}

#[test]
fn runs_can_have_larger_frames() {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let mut platform = TestPlatform::<Size64KiB>::of(&device).unwrap();
    let run = platform.allocate_free_run(32, 32).unwrap();
    assert_eq!((run.address(), run.count()), (2 << 20, 32));
    platform.fill(&run, 0x0101_0101);
    assert!((512..1024).all(|page| device.memory().is_filled_with(page, 0x0101_0101)));
    assert!(!device.memory().is_resident(511) && !device.memory().is_resident(1024));
    platform.deallocate(run);
}

#[test]
fn returning_a_frame_in_a_report_is_a_violation() {
    let (device, mut driver, mut platform) = setup();
    let ledger = platform.ledger();
    let (early, good) = (platform.allocate_free_run(1, 1).unwrap(), platform.allocate_free_run(1, 1).unwrap());
    let (frame, pages) = (early.first(), range(&good));
    driver.add_run(REPORTING, 0, range(&early));
    driver.notify(REPORTING);
    assert!(device.step());
    platform.deallocate(early);
    assert_eq!(ledger.violations(), [OwnershipViolation::ReturnedWhileReported(frame)]);
    assert_eq!(platform.allocate(1).map(|run| run.first()), Some(frame));
    assert_eq!(ledger.violations().last(), Some(&OwnershipViolation::ReportedUnowned(frame)));
    while device.step() {}
    driver.add_run(REPORTING, 0, pages);
    driver.notify(REPORTING);
    while device.step() {}
    platform.deallocate_reported(good);
    assert_eq!(ledger.violations().len(), 2);
}

#[test]
fn hinted_frames_can_be_returned_before_done_if_they_were_initialized() {
    let (device, mut driver, mut platform) = setup();
    let ledger = platform.ledger();
    let [in_flight, untouched, written, good] = [(); 4].map(|()| platform.allocate_free_run(1, 1).unwrap());
    let id = device.start_hinting();
    assert_eq!(driver.io.read32(reg::HINT_COMMAND), id);
    driver.add_bytes(FREE_PAGE, 0, &id.to_le_bytes());
    for (index, run) in (1..).zip([&untouched, &written, &good]) {
        driver.add_run(FREE_PAGE, index, range(run));
    }
    driver.notify(FREE_PAGE);
    while device.step() {}
    driver.add_run(FREE_PAGE, 4, range(&in_flight));
    driver.notify(FREE_PAGE);
    assert!(device.step(), "the device takes the buffer");

    let frame = in_flight.first();
    platform.deallocate(in_flight);
    let mut expected = vec![OwnershipViolation::ReturnedWhileHinted(frame)];
    assert_eq!(ledger.violations(), expected);
    assert_eq!(platform.allocate(1).map(|run| run.first()), Some(frame));
    expected.push(OwnershipViolation::HintedUnowned(frame));
    assert_eq!(ledger.violations(), expected);
    while device.step() {}

    expected.push(OwnershipViolation::HintedNotInitialized(untouched.first()));
    platform.deallocate(untouched);
    assert_eq!(ledger.violations(), expected);
    let page = written.first();
    driver.memory.fill(page..page + 1, 0);
    platform.deallocate(written);
    assert_eq!(platform.allocate(2).map(|run| run.count()), Some(2), "the kernel has both");
    assert_eq!(ledger.violations(), expected);

    device.finish_hinting();
    driver.io.read32(reg::HINT_COMMAND);
    platform.deallocate(good);
    assert_eq!(ledger.violations(), expected);
}

#[test]
fn statistics_samples_are_counted() {
    let (_device, _driver, mut platform) = setup();
    let ledger = platform.ledger();
    assert_eq!(platform.sample_statistics(), []);
    ledger.set_statistics([(4, 1), (5, 2)]);
    assert_eq!(platform.sample_statistics(), [(4, 1), (5, 2)]);
    assert_eq!(ledger.statistics_samples(), 2);
}
