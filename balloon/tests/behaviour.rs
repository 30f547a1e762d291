//! What a balloon does on a device that keeps the rules.

mod common;

use aerostat_balloon::{Balloon, MustTellHost, Pages, Size4KiB, Size16KiB, Size64KiB, Step};
use aerostat_device::{BalloonDevice, Event, Runs, TestPlatform};
use common::{assert_clean, assert_settled, bus, live, settle, spin};

/// balloon.op.2, balloon.op.3, balloon.op.5
#[test]
fn service_inflates_to_the_target_and_tells_the_size() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(3000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!((device.actual(), device.host_page_count(), balloon.size()), (3000, 3000, Pages(3000)));
    assert_eq!(ledger.lent_frames().len(), 3000);
    assert_clean(&device, &ledger);
}

/// balloon.op.3, balloon.op.4
#[test]
fn service_follows_a_moving_target_both_ways() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    for target in [1, 5000, 4999, 0, 257, 256, 8000, 12] {
        device.set_target(target);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!((device.actual(), device.host_page_count()), (target, target as usize));
    }
    assert_clean(&device, &ledger);
}

#[test]
fn a_larger_frame_is_a_run_of_pages_that_is_never_split() {
    fn check<S: aerostat_balloon::FrameSize>() {
        let (mut balloon, device, ledger) = live::<S>(BalloonDevice::builder().inline());
        device.set_target(1001);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let pages: Vec<u32> = device.host_pages().into_iter().collect();
        for frame in pages.chunks(S::PAGES as usize) {
            assert_eq!(frame.len(), S::PAGES as usize);
            assert_eq!(frame[0] % S::PAGES, 0);
            assert!(frame.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
        assert_eq!(device.actual(), 1001_u32.next_multiple_of(S::PAGES));
        device.set_target(0);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(device.host_page_count(), 0);
        assert_clean(&device, &ledger);
    }
    check::<Size4KiB>();
    check::<Size16KiB>();
    check::<Size64KiB>();
}

#[test]
fn no_array_is_longer_than_256_entries_and_runs_go_out_in_order() {
    let (mut balloon, device, _ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(1000);
    settle(&mut balloon);
    let arrays: Vec<usize> = device
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Inflated { pfns } => Some(pfns.len()),
            _ => None,
        })
        .collect();
    assert_eq!(arrays, [256, 256, 256, 232]);
}

/// balloon.op.14, balloon.op.15
#[test]
fn several_arrays_are_with_the_device_at_once() {
    let (mut balloon, device, _ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(8192);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let notified = device.events().iter().filter(|event| matches!(event, Event::Notified { .. })).count();
    assert_eq!(notified, 1, "one kick for all arrays");
    device.settle(std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(device.host_page_count(), 4096, "16 arrays of 256");
    assert_eq!(device.actual(), 0, "actual is written after the acknowledgement was seen, never before");
    balloon.service().unwrap();
    assert_eq!(device.actual(), 4096);
}

#[test]
fn out_of_frames_tells_what_was_got_and_goes_on_later() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    ledger.limit_frames(Some(700));
    device.set_target(2000);
    let step = settle(&mut balloon);
    assert_eq!(step, Step::OutOfFrames { retry_after: std::time::Duration::from_millis(200) });
    assert_eq!((device.actual(), device.host_page_count()), (700, 700));
    ledger.limit_frames(None);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!(device.actual(), 2000);
    assert_clean(&device, &ledger);
}

#[test]
fn scattered_frames_come_back_all_the_same() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    ledger.set_runs(Runs::Scattered { seed: 7 });
    device.set_target(5000);
    settle(&mut balloon);
    device.set_target(0);
    settle(&mut balloon);
    assert_eq!((device.actual(), ledger.lent_frames().len()), (0, 0));
    assert_clean(&device, &ledger);
}

#[test]
fn a_single_inflation_stops_at_the_target_and_a_deflation_too() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder());
    device.set_target(1000);
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut spin()), Ok(600));
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut spin()), Ok(400));
    assert_eq!(balloon.deflate(5).unwrap().frames(), 0, "the host wants these pages");
    device.set_target(900);
    let deflated = balloon.deflate(1000).unwrap();
    assert_eq!(deflated.frames(), 100);
    assert_eq!(deflated.tell_host().wait(&mut spin()), Ok(100));
    assert_eq!((device.actual(), ledger.lent_frames().len()), (900, 900));
    assert_clean(&device, &ledger);
}

#[test]
fn deflated_frames_that_are_dropped_untold_stay_in_the_balloon() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(500);
    settle(&mut balloon);
    device.set_target(0);
    drop(balloon.deflate(500).unwrap());
    assert_eq!((ledger.lent_frames().len(), device.host_page_count()), (500, 500));
    settle(&mut balloon);
    assert_eq!((ledger.lent_frames().len(), device.host_page_count()), (0, 0));
    assert_clean(&device, &ledger);
}

#[test]
fn frames_come_back_only_after_the_host_was_told_and_has_acknowledged() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(300);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(0);
    let mut deflation = balloon.deflate(300).unwrap().tell_host();
    for _ in 0..10 {
        assert!(deflation.poll().unwrap().is_pending());
        assert_eq!(ledger.lent_frames().len(), 300);
    }
    while deflation.poll().unwrap().is_pending() {
        device.step();
    }
    assert!(ledger.lent_frames().is_empty());
    assert_clean(&device, &ledger);
}

#[test]
fn without_must_tell_host_frames_can_be_used_at_once() {
    let device = BalloonDevice::builder().manual().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform).probe().map_err(|failed| failed.error).unwrap();
    device.set_target(300);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(0);
    assert_eq!(balloon.deflate(300).unwrap().release_early(), Ok(300));
    assert!(ledger.lent_frames().is_empty(), "before the device has looked at anything");
    assert_eq!((balloon.size(), device.host_page_count()), (Pages(300), 300));
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    assert_eq!((balloon.size(), device.actual(), device.host_page_count()), (Pages(0), 0, 0));
}

#[test]
fn freeze_returns_every_frame_and_restore_returns_to_the_target() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder());
    device.set_target(2500);
    assert_eq!(balloon.inflate(2500).unwrap().wait(&mut spin()), Ok(2500));
    let frozen = balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap();
    assert_settled(&device, &ledger);
    assert_eq!(device.status(), 0);
    let mut balloon = frozen.restore().map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.inflate(5000).unwrap().wait(&mut spin()), Ok(2500));
    assert_eq!(device.actual(), 2500);
    let (_transport, _platform) = balloon.remove(&mut spin()).map_err(|live| live.error).unwrap();
    assert_settled(&device, &ledger);
}

#[test]
fn dropping_a_live_balloon_loses_nothing() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(1234);
    settle(&mut balloon);
    drop(balloon);
    assert_settled(&device, &ledger);
}

#[test]
fn probing_goes_through_the_initialisation_in_order() {
    let (_balloon, device, _ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    let events = device.events();
    let statuses: Vec<u32> = events
        .iter()
        .filter_map(|event| match event {
            Event::StatusWritten(status) => Some(*status),
            Event::Reset { .. } => Some(0),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, [0, 1, 3, 11, 15]);
}

#[test]
fn a_feature_that_is_required_and_not_offered_hands_everything_back() {
    let device = BalloonDevice::builder().features(1 << 32).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let failed = Balloon::new(bus(&device), platform).require(MustTellHost).probe().unwrap_err();
    assert!(failed.error.to_string().contains("VIRTIO_BALLOON_F_MUST_TELL_HOST"), "{}", failed.error);
    assert_eq!(device.status() & 128, 128, "the device is FAILED");
    assert!(ledger.is_settled());
    let (transport, platform) = failed.balloon.into_parts();
    assert!(Balloon::new(transport, platform).want(MustTellHost).probe().is_ok(), "the parts are as good as new");
}
