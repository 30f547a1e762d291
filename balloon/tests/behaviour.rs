//! A balloon on a device that follows the protocol.

mod common;

use std::time::Duration;

use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::{
    Balloon, FrameSize, Frames as _, NoFeatures, Options, Pages, Size4KiB, Size16KiB, Size64KiB, Step, features,
};
use aerostat_device::{BalloonDevice, Event, Runs, TestPlatform};
use common::{TellHost, assert_all_returned, assert_clean, assert_reset, bus, live, probe, settle, spin};

features! {
    struct MayTellHost { MustTellHost: Optional }
}

// conformance: mmio.init.5, balloon.init.1, balloon.op.2, balloon.op.3, balloon.op.13
#[test]
fn service_inflates_to_the_target_and_writes_actual() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(3000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!((device.actual(), device.host_page_count(), balloon.size()), (3000, 3000, Pages(3000)));
    assert_eq!(ledger.allocated_frames().len(), 3000);
    assert_clean(&device, &ledger);
}

// conformance: balloon.op.3, balloon.op.4, balloon.op.8, balloon.op.16
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
fn a_larger_frame_is_an_aligned_run_of_pages_that_is_never_split() {
    fn check<S: FrameSize>() {
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

/// Runs that cross words of the frame bitmap, whole words, and frames with gaps.
#[test]
fn deflate_arrays_name_each_frame_once_in_ascending_order() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(u32::MAX);
    let all = balloon.platform().share().allocate(1100).unwrap();
    let (first, count) = (all.first(), all.count());
    assert_eq!(count, 1100);
    let (mut rest, mut expected) = (Some(all), Vec::new());
    while let Some(run) = rest.take() {
        let at = run.first() - first;
        let used = match at {
            0..60 | 400..470 => at % 3 != 0,
            60..300 | 500..1000 => true,
            _ => at % 50 > 3,
        };
        let (one, more) = run.split(1);
        if used {
            expected.push(one.first() as u32);
            balloon.inflate_with(one).unwrap();
        } else {
            balloon.platform().share().deallocate(one);
        }
        rest = more;
    }
    device.clear_events();
    device.set_target(0);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let named = |event| match event {
        Event::Deflated { pfns } => pfns,
        _ => Vec::new(),
    };
    assert_eq!(device.events().into_iter().flat_map(named).collect::<Vec<u32>>(), expected);
    assert_clean(&device, &ledger);
}

#[test]
fn no_array_has_more_than_256_entries() {
    let (mut balloon, device, _ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(1000);
    let _ = settle(&mut balloon);
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

// conformance: balloon.op.14, balloon.op.15
#[test]
fn several_arrays_are_in_flight_with_one_notification() {
    let (mut balloon, device, _ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(8192);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let notified = device.events().iter().filter(|event| matches!(event, Event::Notified { .. })).count();
    assert_eq!(notified, 1, "one notification for all arrays");
    device.settle(Duration::from_secs(5)).unwrap();
    assert_eq!(device.host_page_count(), 4096, "16 arrays of 256");
    assert_eq!(device.actual(), 0, "`actual` is written after the driver has seen the acknowledgement");
    let _ = balloon.service().unwrap();
    assert_eq!(device.actual(), 4096);
}

#[test]
fn out_of_frames_reports_a_partial_inflation_and_continues_later() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    ledger.limit_frames(Some(700));
    device.set_target(2000);
    let Step::Paused(pause) = settle(&mut balloon) else { panic!("the kernel is out of frames") };
    assert_eq!((pause.reason, pause.retry_after), (PauseReason::OutOfFrames, Duration::from_millis(200)));
    assert_eq!((device.actual(), device.host_page_count()), (700, 700));
    ledger.limit_frames(None);
    let _ = balloon.retry(pause).unwrap();
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!(device.actual(), 2000);
    assert_clean(&device, &ledger);
}

#[test]
fn scattered_frames_are_all_returned() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    ledger.set_runs(Runs::Scattered { seed: 7 });
    device.set_target(5000);
    let _ = settle(&mut balloon);
    device.set_target(0);
    let _ = settle(&mut balloon);
    assert_eq!((device.actual(), ledger.allocated_frames().len()), (0, 0));
    assert_clean(&device, &ledger);
}

// conformance: balloon.op.4, balloon.op.5, balloon.op.6
#[test]
fn inflate_and_deflate_stop_at_the_target() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder());
    device.set_target(1000);
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut spin()), Ok(600));
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut spin()), Ok(400));
    assert_eq!(balloon.deflate(5).unwrap().frames(), 0, "the host wants these pages");
    device.set_target(900);
    let deflated = balloon.deflate(1000).unwrap();
    assert_eq!(deflated.frames(), 100);
    assert_eq!(deflated.tell_host().wait(&mut spin()), Ok(100));
    assert_eq!((device.actual(), ledger.allocated_frames().len()), (900, 900));
    assert_clean(&device, &ledger);
}

#[test]
fn frames_of_a_dropped_pending_deflation_stay_in_the_balloon() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(500);
    let _ = settle(&mut balloon);
    device.set_target(0);
    drop(balloon.deflate(500).unwrap());
    assert_eq!((ledger.allocated_frames().len(), device.host_page_count()), (500, 500));
    let _ = settle(&mut balloon);
    assert_eq!((ledger.allocated_frames().len(), device.host_page_count()), (0, 0));
    assert_clean(&device, &ledger);
}

// conformance: balloon.op.9
#[test]
fn frames_are_returned_only_after_the_host_has_acknowledged() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(300);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(0);
    let mut deflation = balloon.deflate(300).unwrap().tell_host();
    for _ in 0..10 {
        assert!(deflation.poll().unwrap().is_pending());
        assert_eq!(ledger.allocated_frames().len(), 300);
    }
    while deflation.poll().unwrap().is_pending() {
        device.step();
    }
    assert!(ledger.allocated_frames().is_empty());
    assert_clean(&device, &ledger);
}

// conformance: balloon.op.10
#[test]
fn without_must_tell_host_frames_can_be_released_early() {
    let device = BalloonDevice::builder().manual().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = probe(&device, platform, Options::new(NoFeatures));
    device.set_target(300);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(0);
    assert_eq!(balloon.deflate(300).unwrap().release_early(), Ok(300));
    assert!(ledger.allocated_frames().is_empty(), "before the device has processed an array");
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
    assert_reset(&device, &ledger);
    assert_eq!((device.status(), ledger.allocated_private()), (0, 1), "a frozen balloon keeps its private memory");
    let mut balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.inflate(5000).unwrap().wait(&mut spin()), Ok(2500));
    assert_eq!(device.actual(), 2500);
    let (_transport, _platform) = balloon.remove(&mut spin()).map_err(|live| live.error).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_frozen_balloon_returns_its_private_memory_when_it_is_dropped_or_taken_apart() {
    for take_apart in [false, true] {
        let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
        device.set_target(100);
        let _ = settle(&mut balloon);
        let frozen = balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap();
        if take_apart {
            let (_transport, _platform) = frozen.into_parts();
        } else {
            drop(frozen);
        }
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn dropping_a_live_balloon_returns_everything() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(1234);
    let _ = settle(&mut balloon);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

// conformance: core.status.1, core.init.1, core.init.2, core.init.3, core.init.7, core.init.11, core.suspend.2
#[test]
fn probing_writes_the_status_bits_in_order() {
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

// conformance: core.feature.10, core.feature.11, core.init.12
#[test]
fn a_required_feature_that_is_not_offered_fails_the_probe() {
    let device = BalloonDevice::builder().features(1 << 32).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap();
    let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
    assert!(failed.error.to_string().contains("VIRTIO_BALLOON_F_MUST_TELL_HOST"), "{}", failed.error);
    assert_eq!(device.status() & 128, 128, "the device is FAILED");
    assert_reset(&device, &ledger);
    let (transport, platform) = failed.balloon.into_parts();
    assert_all_returned(&device, &ledger);
    let balloon = Balloon::new(transport, platform, Options::new(MayTellHost)).unwrap();
    assert!(balloon.probe(&mut crate::common::polls()).is_ok(), "transport and platform can be used again");
}
