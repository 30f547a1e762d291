//! The order of inflation and deflation: one direction at a time, and no page twice.

mod common;

use std::task::Poll;

use aerostat_balloon::{BalloonError, NoFeatures, Options, Pages, Size4KiB, Step, features};
use aerostat_device::{BalloonDevice, Event, Ledger, Reuse, TestPlatform, Work};
use common::{Live, assert_clean, live, no_wait, probe};

features! {
    struct MayTellHost { MustTellHost: Optional }
}

/// Returns a balloon of 600 frames without MUST_TELL_HOST, on a device that works only when the test calls it.
fn without_must_tell_host() -> (Live<Size4KiB, NoFeatures>, BalloonDevice, Ledger) {
    let device = BalloonDevice::builder().manual().work(Work::Count).start().unwrap();
    let platform = TestPlatform::builder(device.memory()).device(&device).reuse(Reuse::Later).build().unwrap();
    let ledger = platform.ledger();
    let mut balloon = probe(&device, platform, Options::new(NoFeatures));
    device.set_target(600);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    (balloon, device, ledger)
}

/// Lets the device process everything that is in its queues.
fn work(device: &BalloonDevice) {
    device.settle(std::time::Duration::from_secs(10)).unwrap();
}

/// Returns the directions of the arrays that the device processed, without repetitions.
fn directions(device: &BalloonDevice) -> Vec<&'static str> {
    let direction = |event: &Event| match event {
        Event::Inflated { .. } => Some("inflate"),
        Event::Deflated { .. } => Some("deflate"),
        _ => None,
    };
    let mut directions: Vec<_> = device.events().iter().filter_map(direction).collect();
    directions.dedup();
    directions
}

/// No page is deflated before the device has acknowledged its inflation.
// conformance: balloon.op.12
#[test]
fn a_deflation_waits_for_the_inflation_in_progress() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(600);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(0);
    for _ in 0..3 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        let mut deflation = balloon.deflate(600).unwrap().tell_host();
        assert_eq!(deflation.poll(), Ok(Poll::Pending));
        drop(deflation);
        assert!(balloon.drain().is_ok());
    }
    assert!(balloon.deflate(1).unwrap().tell_host().wait(&mut no_wait).is_err());
    work(&device);
    assert_eq!(directions(&device), ["inflate"], "nothing was sent on the deflate queue");
    assert_eq!(balloon.deflate(600).unwrap().tell_host().wait(&mut device.work_at_most(10)), Ok(600));
    assert_eq!((directions(&device), balloon.size()), (vec!["inflate", "deflate"], Pages(0)));
    assert_clean(&device, &ledger);
}

/// The frames of a deflate array are found by their order in the bitmap, so that no frame is added meanwhile.
#[test]
fn an_inflation_waits_for_the_deflation_in_progress() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    ledger.set_runs(aerostat_device::Runs::Scattered { seed: 3 });
    device.set_target(600);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(300);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(900);
    device.clear_events();
    let allocated = ledger.allocated_frames();
    for _ in 0..3 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        let mut inflation = balloon.inflate(600).unwrap();
        assert_eq!(inflation.poll(), Ok(Poll::Pending));
        drop(inflation);
        assert_eq!(ledger.allocated_frames(), allocated, "no frame is allocated");
    }
    work(&device);
    assert_eq!(directions(&device), ["deflate"]);
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut device.work_at_most(10)), Ok(600));
    assert_eq!((balloon.size(), device.host_page_count()), (Pages(900), 900));
    assert_clean(&device, &ledger);
}

/// The kernel may allocate frames again that were released early. The device sees both arrays in the right order.
#[test]
fn frames_that_were_released_early_are_inflated_again_only_after_their_deflation() {
    let (mut balloon, device, _ledger) = without_must_tell_host();
    device.set_target(0);
    assert_eq!(balloon.deflate(600).unwrap().release_early(), Ok(600));
    device.set_target(600);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let mut inflation = balloon.inflate(600).unwrap();
    assert_eq!(inflation.poll(), Ok(Poll::Pending));
    drop(inflation);
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut device.work_at_most(10)), Ok(600));
    assert_eq!(directions(&device), ["inflate", "deflate", "inflate"]);
    assert_eq!((balloon.size(), device.host_page_count(), device.violations()), (Pages(600), 600, vec![]));
}

/// As for a deflation that waits for its acknowledgement.
// conformance: balloon.op.12
#[test]
fn no_frame_is_released_early_while_the_balloon_inflates() {
    let (mut balloon, device, ledger) = without_must_tell_host();
    device.set_target(1000);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(0);
    let allocated = ledger.allocated_frames();
    assert_eq!(balloon.deflate(1000).unwrap().release_early(), Err(BalloonError::Busy));
    assert_eq!(ledger.allocated_frames(), allocated);
    work(&device);
    assert_eq!(balloon.deflate(1000).unwrap().release_early(), Ok(1000));
    work(&device);
    assert_eq!((balloon.service(), device.actual(), device.violations()), (Ok(Step::OnTarget), 0, vec![]));
}

/// Every page that is released early is sent to the host, so the number of arrays is the limit.
// conformance: balloon.op.8
#[test]
fn early_release_is_limited_by_the_free_arrays() {
    let (mut balloon, device, ledger) = without_must_tell_host();
    device.set_target(6000);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(0);
    assert_eq!(balloon.deflate(6000).unwrap().release_early(), Ok(4096), "sixteen arrays of 256");
    assert_eq!(balloon.deflate(6000).unwrap().release_early(), Ok(0));
    assert_eq!(ledger.allocated_frames().len(), 6000 - 4096);
    work(&device);
    assert_eq!(balloon.deflate(6000).unwrap().release_early(), Ok(6000 - 4096));
    work(&device);
    assert_eq!((balloon.service(), device.host_page_count(), device.violations()), (Ok(Step::OnTarget), 0, vec![]));
}

/// `actual` is written after each acknowledgement, in both directions, and only if it changed.
// conformance: balloon.op.13, balloon.op.15
#[test]
fn actual_is_written_after_each_acknowledgement_and_only_when_it_changed() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    let actual = |device: &BalloonDevice| {
        let value = |event: &Event| if let Event::ActualWritten(pages) = event { Some(*pages) } else { None };
        device.events().iter().filter_map(value).collect::<Vec<u32>>()
    };
    device.set_target(512);
    for _ in 0..5 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
    }
    assert!(actual(&device).is_empty(), "the device has acknowledged no array");
    work(&device);
    assert!(actual(&device).is_empty(), "the driver has not seen the acknowledgement");
    for _ in 0..5 {
        assert_eq!(balloon.service(), Ok(Step::OnTarget));
    }
    assert_eq!(actual(&device), [512]);
    device.set_target(100);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!((actual(&device), balloon.size()), (vec![512], Pages(512)));
    work(&device);
    for _ in 0..5 {
        assert_eq!(balloon.service(), Ok(Step::OnTarget));
    }
    assert_eq!(actual(&device), [512, 100]);
    assert_clean(&device, &ledger);
}

#[test]
fn an_optional_feature_that_is_not_offered_is_not_used() {
    let device = BalloonDevice::builder().features(1 << 32).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let mut balloon = probe(&device, platform, Options::new(MayTellHost));
    assert_eq!(device.accepted_features(), 1 << 32);
    device.set_target(100);
    while balloon.service() != Ok(Step::OnTarget) {}
    device.set_target(0);
    assert_eq!(balloon.deflate(100).unwrap().tell_host().wait(&mut device.work_at_most(10)), Ok(100));
    assert_eq!((device.actual(), device.violations()), (0, vec![]));
}
