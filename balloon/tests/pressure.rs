//! A kernel that is out of memory, and its count of managed pages.

mod common;

use std::time::Duration;

use aerostat_balloon::feature::DeflateOnOom;
use aerostat_balloon::ops::{Pause, PauseReason};
use aerostat_balloon::spec::{HasFeature, Required};
use aerostat_balloon::{
    BalloonFeatureSet, FrameSize, Frames, NoFeatures, Options, Platform, Size4KiB, Size16KiB, Size64KiB, Step,
    features as declare,
};
use aerostat_device::{BalloonDevice, Ledger, TestPlatform, Work, features};
use common::{Live, TellHost, assert_all_returned, assert_clean, assert_reset, live, probe, settle, spin};

declare! {
    struct OnOom { DeflateOnOom: Required }
}
declare! {
    struct OptionalOnOom { DeflateOnOom: Optional, MustTellHost: Optional }
}

/// Asserts that the managed-page count of the kernel leaves out the frames in the balloon, and no others.
fn assert_managed<S: FrameSize>(balloon: &Live<S>, ledger: &Ledger) {
    let managed = ledger.managed();
    let frames = ledger.allocated_frames().len();
    assert_eq!(managed.in_balloon(), frames as i64, "{managed:?}");
    assert_eq!(frames as u32 * S::PAGES, balloon.size().0);
}

#[test]
fn the_managed_page_count_follows_the_balloon() {
    fn check<S: FrameSize>() {
        let (mut balloon, device, ledger) = live::<S>(BalloonDevice::builder().inline());
        assert_eq!(ledger.managed().calls, 0);
        for target in [1000, 3000, 2999, 0, 256, 255, 4096] {
            device.set_target(target);
            assert_eq!(settle(&mut balloon), Step::OnTarget);
            assert_managed(&balloon, &ledger);
        }
        // By single operations, and by migration.
        device.set_target(8000);
        assert!(balloon.inflate(20).unwrap().wait(&mut spin()).is_ok());
        assert_managed(&balloon, &ledger);
        let run = balloon.platform().share().allocate(3).unwrap();
        assert!(balloon.inflate_with(run).is_ok());
        let _ = balloon.service().unwrap();
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let (old, new) = (*ledger.allocated_frames().first().unwrap(), balloon.platform().share().allocate(1).unwrap());
        assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
        assert_managed(&balloon, &ledger);
        device.set_target(100);
        assert!(balloon.deflate(50).unwrap().tell_host().wait(&mut spin()).is_ok());
        assert_managed(&balloon, &ledger);
        let frozen = balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap();
        assert_eq!(ledger.managed().in_balloon(), 0, "frozen");
        let mut balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_managed(&balloon, &ledger);
        drop(balloon);
        assert_eq!(ledger.managed().in_balloon(), 0, "dropped");
        assert_all_returned(&device, &ledger);
    }
    check::<Size4KiB>();
    check::<Size16KiB>();
    check::<Size64KiB>();
}

#[test]
fn frames_that_return_after_a_reset_are_managed_again() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(5000);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert!(ledger.managed().in_balloon() > 0);
    balloon.abandon(&mut crate::common::polls()).unwrap();
    assert_eq!(ledger.managed().in_balloon(), 0);
    assert_reset(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn frames_that_are_released_early_are_managed_again() {
    // `Work::Count` keeps the contents of pages that the kernel uses before the device processes their deflation.
    let builder = BalloonDevice::builder().features(features::VERSION_1).work(Work::Count);
    let device = builder.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = probe(&device, platform, Options::new(NoFeatures));
    device.set_target(1000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    device.set_target(400);
    assert_eq!(balloon.deflate(u32::MAX).unwrap().release_early(), Ok(600));
    assert_eq!((ledger.managed().in_balloon(), ledger.allocated_frames().len()), (400, 400));
    assert_clean(&device, &ledger);
}

/// With DEFLATE_ON_OOM the kernel can have ballooned memory back at any time, so that it stays managed.
#[test]
fn the_managed_page_count_does_not_change_with_deflate_on_oom() {
    for (offered, changes) in [(features::DEFLATE_ON_OOM, false), (0, true)] {
        let device = BalloonDevice::builder().features(offered | features::VERSION_1).inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let mut balloon = probe(&device, platform, Options::new(OptionalOnOom).oom_pages(64));
        device.set_target(1000);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        if let Some(pending) = balloon.deflate_on_oom() {
            assert_eq!(pending.tell_host().wait(&mut spin()), Ok(64));
        }
        let _ = balloon.remove(&mut spin()).unwrap();
        assert_eq!(ledger.managed().calls > 0, changes, "{:?}", ledger.managed());
        assert_eq!(ledger.managed().in_balloon(), 0);
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn the_pause_after_out_of_frames_can_be_set() {
    for pause in [None, Some(Duration::from_millis(7)), Some(Duration::ZERO), Some(Duration::MAX)] {
        let device = BalloonDevice::builder().inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let options = Options::new(TellHost);
        let options = if let Some(pause) = pause { options.retry_after(pause) } else { options };
        let mut balloon = probe(&device, platform, options);
        let retry_after = pause.unwrap_or(Duration::from_millis(200));
        device.set_target(1000);
        ledger.limit_frames(Some(300));
        for _ in 0..2 {
            let Step::Paused(pause) = settle(&mut balloon) else { panic!("the kernel has only 300 frames") };
            assert_eq!((pause.reason, pause.retry_after), (PauseReason::OutOfFrames, retry_after));
            assert_eq!(device.actual(), 300, "the device got a partial array");
        }
        ledger.limit_frames(None);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(device.actual(), 1000);
        assert_clean(&device, &ledger);
    }
}

// conformance: balloon.op.7
#[test]
fn deflation_on_oom_returns_at_most_the_frames_in_the_balloon() {
    for (oom_pages, pages) in [(u32::MAX, 100), (256, 100), (100, 100), (99, 100), (0, 100), (256, 0)] {
        let builder = BalloonDevice::builder().features(features::DEFLATE_ON_OOM | features::VERSION_1);
        let device = builder.inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let mut balloon = probe(&device, platform, Options::new(OnOom).oom_pages(oom_pages));
        device.set_target(pages);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let returned = oom_pages.min(pages);
        let pending = balloon.deflate_on_oom();
        assert_eq!(pending.frames(), returned);
        assert_eq!(pending.tell_host().wait(&mut spin()), Ok(returned));
        assert_eq!((device.actual(), ledger.allocated_frames().len()), (pages - returned, (pages - returned) as usize));
        assert_clean(&device, &ledger);
    }
}

/// Deflates on OOM, and returns the pause that the next step returns.
fn oom<F>(balloon: &mut Live<Size4KiB, F>) -> Pause
where
    F: BalloonFeatureSet + HasFeature<DeflateOnOom, Requirement = Required>,
    TestPlatform<Size4KiB>: Platform<F>,
{
    assert!(balloon.deflate_on_oom().tell_host().wait(&mut spin()).is_ok());
    let Step::Paused(pause) = settle(balloon) else { panic!("the balloon inflates at once") };
    assert_eq!(pause.reason, PauseReason::OomBackoff);
    pause
}

#[test]
fn a_pause_that_is_over_does_not_end_a_later_backoff() {
    let builder = BalloonDevice::builder().features(features::DEFLATE_ON_OOM | features::VERSION_1);
    let device = builder.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let options = Options::new(OnOom).oom_pages(100).oom_backoff(Duration::from_secs(1));
    let mut balloon = probe(&device, platform, options);
    device.set_target(1000);
    ledger.limit_frames(Some(900));
    let Step::Paused(out_of_frames) = settle(&mut balloon) else { panic!("the kernel has only 900 frames") };
    ledger.limit_frames(None);

    let first = oom(&mut balloon);
    let Step::Paused(still) = balloon.retry(out_of_frames).unwrap() else { panic!("the backoff has ended") };
    assert_eq!(still, first, "the pause for frames does not end the backoff");
    let second = oom(&mut balloon);
    assert_ne!(first, second);
    let Step::Paused(still) = balloon.retry(first).unwrap() else { panic!("the backoff has ended") };
    assert_eq!((still, device.actual()), (second, 700), "the first pause does not end the second");

    // The pause of the current round ends the backoff. The next one is longer, because the balloon has not reached its
    // target in between.
    ledger.limit_frames(Some(50));
    let _ = balloon.retry(second).unwrap();
    let Step::Paused(pause) = settle(&mut balloon) else { panic!("the kernel has only 50 frames") };
    assert_eq!((pause.reason, device.actual()), (PauseReason::OutOfFrames, 750));
    ledger.limit_frames(None);
    let third = oom(&mut balloon);
    assert_eq!(third.retry_after, 2 * second.retry_after);
    let _ = balloon.retry(third).unwrap();
    assert_eq!((settle(&mut balloon), device.actual()), (Step::OnTarget, 1000));
    assert_clean(&device, &ledger);
}

/// The target can be reached from above, and deflation never waits for the end of a pause.
#[test]
fn the_balloon_deflates_while_it_pauses() {
    let builder = BalloonDevice::builder().features(features::DEFLATE_ON_OOM | features::VERSION_1);
    let device = builder.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let mut balloon = probe(&device, platform, Options::new(OnOom).oom_pages(100));
    device.set_target(1000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    oom(&mut balloon);
    device.set_target(500);
    assert_eq!((settle(&mut balloon), device.actual()), (Step::OnTarget, 500));
    device.set_target(600);
    assert!(matches!(settle(&mut balloon), Step::Paused(pause) if pause.reason == PauseReason::OomBackoff));
}
