//! Free page reporting: what an honest device does, each rule broken once, and each way to misbehave.

use aerostat_device::{
    BalloonDevice, Event, FreePageViolation, PAGE_BYTES, QueueFault, Registers, Scribble, TestPlatform, Violation,
    Work, features::PAGE_REPORTING,
};

use super::by_hand::{DEVICE_RING, ByHand, INFLATE, REPORTING, Used, assert_broken, assert_violations, live_and_working, live_with, builder, SHAPED};

fn live() -> (BalloonDevice, ByHand<Registers>) {
    live_with(builder(), PAGE_REPORTING)
}

/// A device that works by hand, so that a report stays in flight.
fn in_flight() -> (BalloonDevice, ByHand<Registers>) {
    let (device, mut driver) = live_and_working(builder().manual(), PAGE_REPORTING);
    driver.memory.fill(1024..1026, 1);
    driver.offer_run(REPORTING, 0, 1024..1026);
    driver.notify(REPORTING);
    assert!(device.step(), "takes the report");
    (device, driver)
}

#[test]
fn reported_pages_leave_the_host_and_are_acknowledged() {
    let (device, mut driver) = live();
    driver.memory.fill(1024..1600, 1);
    let full = driver.memory.resident_bytes();
    driver.offer_pages(REPORTING, 0, &[1024..1536, 1544..1552]);
    driver.notify(REPORTING);
    assert_eq!(driver.memory.resident_bytes(), full - 520 * PAGE_BYTES);
    assert!(!driver.memory.is_resident(1535) && driver.memory.is_resident(1536) && driver.memory.is_resident(1552));
    assert_eq!(driver.used(REPORTING, 1), [Used { id: 0, written: 0 }]);
    assert!(device.events().contains(&Event::Reported { runs: vec![1024..1536, 1544..1552] }));
    assert_eq!(device.reported_pages(), [].into());
    // The pages are the driver's again, and can be reported again.
    driver.memory.fill(1024..1600, 1);
    driver.offer_run(REPORTING, 0, 1024..1536);
    driver.notify(REPORTING);
    assert_eq!(device.host_page_count(), 0, "nothing of it is in the balloon");
    assert_violations(&device, &[]);
}

#[test]
fn a_report_in_flight_is_known() {
    let (device, driver) = in_flight();
    assert_eq!(device.reported_pages(), [1024, 1025].into());
    assert!(!driver.memory.is_resident(1024), "the memory goes at once");
    assert!(device.step());
    assert_eq!(device.reported_pages(), [].into());
    assert_violations(&device, &[]);
}

#[test]
fn a_reset_gives_reported_pages_back() {
    let (device, mut driver) = in_flight();
    driver.negotiate(1 << 32);
    assert_eq!(device.reported_pages(), [].into());
    assert_violations(&device, &[]);
}

#[test]
fn work_can_be_left_out() {
    for (work, resident, seen) in
        [(Work::Full, false, 1), (Work::Release, false, 1), (Work::Count, true, 1), (Work::Acknowledge, true, 0)]
    {
        let (device, mut driver) = live_with(builder().work(work), PAGE_REPORTING);
        driver.memory.fill(1024..1025, 1);
        driver.offer_run(REPORTING, 0, 1024..1025);
        driver.notify(REPORTING);
        assert_eq!((driver.used_index(REPORTING), driver.memory.is_resident(1024)), (1, resident), "{work:?}");
        let reported = device.events().iter().filter(|event| matches!(event, Event::Reported { .. })).count();
        assert_eq!(reported, seen, "{work:?}");
    }
}

#[test]
fn a_report_before_driver_ok() {
    let features = 1 << 32 | PAGE_REPORTING;
    let device = builder().features(features | SHAPED).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.settle_features(features);
    driver.set_up_queues(features);
    driver.offer_run(REPORTING, 0, 1024..1025);
    driver.go_live();
    assert_broken(&device, [FreePageViolation::ReportedBeforeDriverOk { buffers: 1 }]);
}

#[test]
fn a_readable_element() {
    let (device, mut driver) = live();
    driver.describe(REPORTING, 0, 1024 * PAGE_BYTES, 4096, 1, 1);
    driver.describe(REPORTING, 1, 1025 * PAGE_BYTES, 4096, 2, 0);
    driver.memory.fill(1024..1026, 1);
    driver.offer_head(REPORTING, 0);
    driver.notify(REPORTING);
    assert_broken(&device, [FreePageViolation::ReadableReport { queue: REPORTING, head: 0 }]);
    assert!(driver.memory.is_resident(1024) && !driver.memory.is_resident(1025), "the rest is done");
}

#[test]
fn ranges_that_are_no_pages_of_the_guest() {
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
        driver.offer_head(REPORTING, 0);
        driver.notify(REPORTING);
        assert_broken(&device, [FreePageViolation::Range { queue: REPORTING, address, bytes }]);
        assert_eq!(driver.used_index(REPORTING), 1);
    }
}

#[test]
fn pages_that_are_in_the_balloon() {
    let (device, mut driver) = live();
    driver.tell(INFLATE, &[1025]);
    driver.offer_run(REPORTING, 0, 1024..1027);
    driver.notify(REPORTING);
    assert_broken(&device, [FreePageViolation::InBalloon { queue: REPORTING, page: 1025 }]);
}

#[test]
fn pages_with_rings_or_buffers() {
    let (device, mut driver) = live();
    let ring = ByHand::<Registers>::area(INFLATE) / PAGE_BYTES;
    let end = ring + DEVICE_RING / PAGE_BYTES + 1;
    driver.offer_run(REPORTING, 0, ring..end);
    driver.notify(REPORTING);
    let in_use = |page| FreePageViolation::InUse { queue: REPORTING, page };
    assert_broken(&device, (ring..end).map(in_use));

    // An array that is in flight.
    let (device, mut driver) =
        live_with(builder().misbehave(QueueFault::NeverAnswers.on(INFLATE)), PAGE_REPORTING);
    driver.tell(INFLATE, &[1024]);
    let array = ByHand::<Registers>::array(INFLATE, 0) / PAGE_BYTES;
    driver.offer_run(REPORTING, 0, array..array + 2);
    driver.notify(REPORTING);
    assert_broken(&device, [in_use(array)]);

    // What a platform keeps for such things.
    let (device, mut driver) = live();
    let _platform: TestPlatform = TestPlatform::of(&device).unwrap();
    driver.offer_run(REPORTING, 0, 1791..1793);
    driver.notify(REPORTING);
    assert_broken(&device, [in_use(1792)]);
}

#[test]
fn pages_that_are_reported_twice() {
    let (device, mut driver) = in_flight();
    driver.offer_pages(REPORTING, 2, &[1025..1027, 1026..1028]);
    driver.notify(REPORTING);
    while device.step() {}
    let twice = |page| FreePageViolation::Twice { queue: REPORTING, page };
    assert_broken(&device, [twice(1025), twice(1026)]);
}

#[test]
fn a_page_that_is_touched_while_it_is_reported() {
    let (device, driver) = in_flight();
    driver.memory.read(1025 * PAGE_BYTES, &mut [0]).unwrap();
    assert!(device.step());
    assert_broken(&device, [FreePageViolation::TouchedWhileReported { page: 1025 }]);
}

#[test]
fn a_report_is_never_answered() {
    let silent = QueueFault::NeverAnswers.on(REPORTING);
    let (device, mut driver) = live_with(builder().misbehave(silent), PAGE_REPORTING);
    driver.offer_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    assert_eq!((driver.used_index(REPORTING), device.reported_pages()), (0, [1024].into()));
    driver.tell(INFLATE, &[1030]);
    assert_eq!(driver.used_index(INFLATE), 1);
    assert_violations(&device, &[]);
}

#[test]
fn a_report_is_answered_late_or_with_a_length() {
    let (device, mut driver) = live_with(builder().misbehave(QueueFault::Delay(2)), PAGE_REPORTING);
    device.misbehave(QueueFault::UsedLength(u32::MAX).on(REPORTING));
    driver.offer_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    device.tick();
    assert_eq!((driver.used_index(REPORTING), device.reported_pages()), (0, [1024].into()));
    device.tick();
    assert_eq!(
        (driver.used(REPORTING, 1), device.reported_pages()),
        (vec![Used { id: 0, written: u32::MAX }], [].into())
    );
    assert_violations(&device, &[]);
}

#[test]
fn what_the_device_overwrites_is_not_the_drivers_fault() {
    let scribbles = QueueFault::Scribbles(Scribble::Array);
    let (device, mut driver) = live_with(builder().misbehave(scribbles), PAGE_REPORTING);
    driver.offer_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    let mut byte = [0];
    driver.memory.read(1024 * PAGE_BYTES, &mut byte).unwrap();
    assert_eq!(byte, [0xff]);
    assert_violations(&device, &[]);
}

#[test]
fn a_queue_that_was_not_negotiated() {
    let offered = 1 << 32 | PAGE_REPORTING;
    let device = builder().features(offered | SHAPED).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.settle_features(1 << 32);
    driver.set_up_queue(REPORTING);
    assert_violations(&device, &[Violation::QueueWithoutFeature { queue: REPORTING.into() }]);
}
