//! Free page reporting: correct behaviour, violations and faults.

use aerostat_balloon::Size4KiB;
use aerostat_balloon::platform::BlockFrames;
use aerostat_device::{
    BalloonDevice, Event, FreePageViolation, PAGE_BYTES, QueueFault, QueueViolation, Registers, Scribble, TestPlatform,
    Work, features::PAGE_REPORTING,
};

use super::raw_driver::{
    DEVICE_RING, FORMAT_FEATURES, INFLATE, REPORTING, RawDriver, Used, assert_no_violations, assert_violations,
    builder, live_in_mode, live_with, start,
};

fn live() -> (BalloonDevice, RawDriver<Registers>) {
    live_with(builder(), PAGE_REPORTING)
}

/// Returns a manual device with a report in flight.
fn in_flight() -> (BalloonDevice, RawDriver<Registers>) {
    let (device, mut driver) = live_in_mode(builder().manual(), PAGE_REPORTING);
    driver.memory.fill(1024..1026, 1);
    driver.add_run(REPORTING, 0, 1024..1026);
    driver.notify(REPORTING);
    assert!(device.step(), "takes the report");
    (device, driver)
}

#[test]
fn reported_pages_are_discarded_and_the_report_is_completed() {
    let (device, mut driver) = live();
    driver.memory.fill(1024..1600, 1);
    let full = driver.memory.resident_bytes();
    driver.add_pages(REPORTING, 0, &[1024..1536, 1544..1552]);
    driver.notify(REPORTING);
    assert_eq!(driver.memory.resident_bytes(), full - 520 * PAGE_BYTES);
    assert!(!driver.memory.is_resident(1535) && driver.memory.is_resident(1536) && driver.memory.is_resident(1552));
    assert_eq!(driver.used(REPORTING, 1), [Used { id: 0, written: 0 }]);
    assert!(device.events().contains(&Event::Reported { runs: vec![1024..1536, 1544..1552] }));
    assert_eq!(device.reported_pages(), [].into());
    // The driver can use the pages and report them again.
    driver.memory.fill(1024..1600, 1);
    driver.add_run(REPORTING, 0, 1024..1536);
    driver.notify(REPORTING);
    assert_eq!(device.host_page_count(), 0, "reported pages are not in the balloon");
    assert_no_violations(&device);
}

#[test]
fn a_report_in_flight_is_visible() {
    let (device, driver) = in_flight();
    assert_eq!(device.reported_pages(), [1024, 1025].into());
    assert!(!driver.memory.is_resident(1024), "the memory is discarded immediately");
    assert!(device.step());
    assert_eq!(device.reported_pages(), [].into());
    assert_no_violations(&device);
}

#[test]
fn a_reset_releases_reported_pages() {
    let (device, mut driver) = in_flight();
    driver.negotiate(1 << 32);
    assert_eq!(device.reported_pages(), [].into());
    assert_no_violations(&device);
}

#[test]
fn work_can_be_reduced() {
    for (work, resident, seen) in
        [(Work::Full, false, 1), (Work::Release, false, 1), (Work::Count, true, 1), (Work::Acknowledge, true, 0)]
    {
        let (device, mut driver) = live_with(builder().work(work), PAGE_REPORTING);
        driver.memory.fill(1024..1025, 1);
        driver.add_run(REPORTING, 0, 1024..1025);
        driver.notify(REPORTING);
        assert_eq!((driver.used_index(REPORTING), driver.memory.is_resident(1024)), (1, resident), "{work:?}");
        let reported = device.events().iter().filter(|event| matches!(event, Event::Reported { .. })).count();
        assert_eq!(reported, seen, "{work:?}");
    }
}

#[test]
fn a_report_before_driver_ok_is_a_violation() {
    let features = 1 << 32 | PAGE_REPORTING;
    let (device, mut driver) = start(builder().features(features | FORMAT_FEATURES).inline());
    driver.accept_features(features);
    driver.set_up_queues(features);
    driver.add_run(REPORTING, 0, 1024..1025);
    driver.set_driver_ok();
    assert_violations(&device, [FreePageViolation::ReportedBeforeDriverOk { buffers: 1 }]);
}

#[test]
fn a_device_readable_descriptor_is_a_violation() {
    let (device, mut driver) = live();
    driver.describe(REPORTING, 0, 1024 * PAGE_BYTES, 4096, 1, 1);
    driver.describe(REPORTING, 1, 1025 * PAGE_BYTES, 4096, 2, 0);
    driver.memory.fill(1024..1026, 1);
    driver.add_head(REPORTING, 0);
    driver.notify(REPORTING);
    assert_violations(&device, [FreePageViolation::ReadableReport { queue: REPORTING, head: 0 }]);
    assert!(driver.memory.is_resident(1024) && !driver.memory.is_resident(1025), "the rest is processed");
}

#[test]
fn ranges_other_than_whole_guest_pages_are_violations() {
    for (address, bytes) in [
        (1024 * PAGE_BYTES, 0),
        (1024 * PAGE_BYTES, 4095),
        (1024 * PAGE_BYTES + 512, 4096),
        (8 << 20, 4096),
        ((8 << 20) - PAGE_BYTES, 8192),
        (u64::MAX - 4095, 4096),
    ] {
        let (device, mut driver) = live();
        driver.describe(REPORTING, 0, address, bytes, 2, 0);
        driver.add_head(REPORTING, 0);
        driver.notify(REPORTING);
        assert_violations(&device, [FreePageViolation::Range { queue: REPORTING, address, bytes }]);
        assert_eq!(driver.used_index(REPORTING), 1);
    }
}

#[test]
fn pages_in_the_balloon_are_violations() {
    let (device, mut driver) = live();
    driver.send(INFLATE, &[1025]);
    driver.add_run(REPORTING, 0, 1024..1027);
    driver.notify(REPORTING);
    assert_violations(&device, [FreePageViolation::InBalloon { queue: REPORTING, page: 1025 }]);
}

#[test]
fn pages_with_rings_or_buffers_are_violations() {
    let (device, mut driver) = live();
    let ring = RawDriver::<Registers>::area(INFLATE) / PAGE_BYTES;
    let end = ring + DEVICE_RING / PAGE_BYTES + 1;
    driver.add_run(REPORTING, 0, ring..end);
    driver.notify(REPORTING);
    let in_use = |page| FreePageViolation::InUse { queue: REPORTING, page };
    assert_violations(&device, (ring..end).map(in_use));

    // An array in flight.
    let (device, mut driver) = live_with(builder().inject(QueueFault::NeverCompletes.on(INFLATE)), PAGE_REPORTING);
    driver.send(INFLATE, &[1024]);
    let array = RawDriver::<Registers>::array(INFLATE, 0) / PAGE_BYTES;
    driver.add_run(REPORTING, 0, array..array + 2);
    driver.notify(REPORTING);
    assert_violations(&device, [in_use(array)]);

    // The DMA memory of a platform.
    let (device, mut driver) = live();
    let _platform: TestPlatform = TestPlatform::of(&device).unwrap();
    driver.add_run(REPORTING, 0, 1791..1793);
    driver.notify(REPORTING);
    assert_violations(&device, [in_use(1792)]);
}

#[test]
fn pages_reported_twice_are_violations() {
    let (device, mut driver) = in_flight();
    driver.add_pages(REPORTING, 2, &[1025..1027, 1026..1028]);
    driver.notify(REPORTING);
    while device.step() {}
    let twice = |page| FreePageViolation::Twice { queue: REPORTING, page };
    assert_violations(&device, [twice(1025), twice(1026)]);
}

#[test]
fn touching_a_reported_page_is_a_violation() {
    let (device, driver) = in_flight();
    driver.memory.read(1025 * PAGE_BYTES, &mut [0]).unwrap();
    assert!(device.step());
    assert_violations(&device, [FreePageViolation::TouchedWhileReported { page: 1025 }]);
}

/// The driver keeps the pages in its balloon (block inflation).
#[test]
fn a_page_that_is_held_after_its_report_may_not_be_touched_before_it_is_returned() {
    let device = builder().inline().block_inflation();
    let (device, mut driver) = live_with(device, PAGE_REPORTING);
    let mut kernel = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let run = kernel.allocate_blocks(4, 4).unwrap();
    let first = run.first();
    driver.add_run(REPORTING, 0, first..first + 4);
    driver.notify(REPORTING);
    assert_eq!(device.block_page_count(), 4);
    driver.memory.fill(first + 2..first + 3, 1);
    kernel.deallocate_reported(run);
    assert_eq!(device.block_page_count(), 0);
    assert_violations(&device, [FreePageViolation::TouchedWhileHeld { page: first + 2 }]);
}

#[test]
fn a_report_can_never_be_completed() {
    let fault = QueueFault::NeverCompletes.on(REPORTING);
    let (device, mut driver) = live_with(builder().inject(fault), PAGE_REPORTING);
    driver.add_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    assert_eq!((driver.used_index(REPORTING), device.reported_pages()), (0, [1024].into()));
    driver.send(INFLATE, &[1030]);
    assert_eq!(driver.used_index(INFLATE), 1);
    assert_no_violations(&device);
}

#[test]
fn a_report_can_be_completed_late_and_with_a_length() {
    let (device, mut driver) = live_with(builder().inject(QueueFault::DelaysCompletion(2)), PAGE_REPORTING);
    device.inject(QueueFault::ReportsLength(u32::MAX).on(REPORTING));
    driver.add_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    device.tick();
    assert_eq!((driver.used_index(REPORTING), device.reported_pages()), (0, [1024].into()));
    device.tick();
    assert_eq!(
        (driver.used(REPORTING, 1), device.reported_pages()),
        (vec![Used { id: 0, written: u32::MAX }], [].into())
    );
    assert_no_violations(&device);
}

#[test]
fn pages_overwritten_by_the_device_are_not_violations() {
    let scribbles = QueueFault::Scribbles(Scribble::Buffer);
    let (device, mut driver) = live_with(builder().inject(scribbles), PAGE_REPORTING);
    driver.add_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    let mut byte = [0];
    driver.memory.read(1024 * PAGE_BYTES, &mut byte).unwrap();
    assert_eq!(byte, [0xff]);
    assert_no_violations(&device);
}

#[test]
fn a_queue_without_its_feature_is_a_violation() {
    let offered = 1 << 32 | PAGE_REPORTING;
    let (device, mut driver) = start(builder().features(offered | FORMAT_FEATURES).inline());
    driver.accept_features(1 << 32);
    driver.set_up_queue(REPORTING);
    assert_violations(&device, [QueueViolation::WithoutFeature { queue: REPORTING.into() }]);
}
