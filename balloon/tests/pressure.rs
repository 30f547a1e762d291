//! A kernel that is short of memory, and what it hears of the frames that it gave.

mod common;

use std::time::Duration;

use aerostat_balloon::{Balloon, DeflateOnOom, FrameSize, Frames, MustTellHost, Size4KiB, Size16KiB, Size64KiB, Step};
use aerostat_device::{BalloonDevice, Ledger, TestPlatform, Work, features};
use common::{Live, assert_clean, assert_settled, bus, live, settle, spin};

/// The kernel has heard of all frames that are in the balloon, and of no others.
fn assert_accounted<S: FrameSize>(balloon: &Live<S>, ledger: &Ledger) {
    let accounts = ledger.accounts();
    let frames = ledger.lent_frames().len();
    assert_eq!(accounts.in_balloon(), frames as i64, "{accounts:?}");
    assert_eq!(frames as u32 * S::PAGES, balloon.size().0);
}

#[test]
fn the_kernel_hears_of_every_frame_that_comes_and_goes() {
    fn check<S: FrameSize>() {
        let (mut balloon, device, ledger) = live::<S>(BalloonDevice::builder().inline());
        assert_eq!(ledger.accounts().calls, 0);
        for target in [1000, 3000, 2999, 0, 256, 255, 4096] {
            device.set_target(target);
            assert_eq!(settle(&mut balloon), Step::OnTarget);
            assert_accounted(&balloon, &ledger);
        }
        // By hand, and by exchange.
        device.set_target(8000);
        assert!(balloon.inflate(20).unwrap().wait(&mut spin()).is_ok());
        assert_accounted(&balloon, &ledger);
        let run = balloon.platform_mut().allocate(3).unwrap();
        assert!(balloon.inflate_with(run).is_ok());
        let _ = balloon.service().unwrap();
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let (old, new) = (*ledger.lent_frames().first().unwrap(), balloon.platform_mut().allocate(1).unwrap());
        assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
        assert_accounted(&balloon, &ledger);
        device.set_target(100);
        assert!(balloon.deflate(50).unwrap().tell_host().wait(&mut spin()).is_ok());
        assert_accounted(&balloon, &ledger);
        let frozen = balloon.freeze(&mut spin()).map_err(|held| held.error).unwrap();
        assert_eq!(ledger.accounts().in_balloon(), 0, "frozen");
        let mut balloon = frozen.restore().map_err(|failed| failed.error).unwrap();
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_accounted(&balloon, &ledger);
        drop(balloon);
        assert_eq!(ledger.accounts().in_balloon(), 0, "dropped");
        assert_settled(&device, &ledger);
    }
    check::<Size4KiB>();
    check::<Size16KiB>();
    check::<Size64KiB>();
}

#[test]
fn frames_that_a_reset_brings_back_are_accounted_too() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(5000);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert!(ledger.accounts().in_balloon() > 0);
    let frozen = balloon.abandon().map_err(|held| held.error).unwrap();
    assert_eq!(ledger.accounts().in_balloon(), 0);
    drop(frozen);
    assert_settled(&device, &ledger);
}

#[test]
fn frames_used_at_once_are_accounted_too() {
    // Used before the device lets go of it, a page would lose what the kernel has written.
    let builder = BalloonDevice::builder().features(features::VERSION_1).work(Work::Count);
    let device = builder.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform).probe().unwrap();
    device.set_target(1000);
    while balloon.service().unwrap() == Step::Waiting {}
    device.set_target(400);
    assert_eq!(balloon.deflate(u32::MAX).unwrap().release_early(), Ok(600));
    assert_eq!((ledger.accounts().in_balloon(), ledger.lent_frames().len()), (400, 400));
    assert_clean(&device, &ledger);
}

/// Ballooned memory counts as the kernel's where it can have it back at any time.
#[test]
fn nothing_is_accounted_where_the_balloon_deflates_on_oom() {
    for (offered, accounted) in [(features::DEFLATE_ON_OOM, false), (0, true)] {
        let device = BalloonDevice::builder().features(offered | features::VERSION_1).inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let balloon = Balloon::new(bus(&device), platform).want(DeflateOnOom(64)).want(MustTellHost);
        let mut balloon = balloon.probe().unwrap();
        device.set_target(1000);
        while balloon.service().unwrap() == Step::Waiting {}
        if let Some(picked) = balloon.deflate_on_oom() {
            assert_eq!(picked.tell_host().wait(&mut spin()), Ok(64));
        }
        let _ = balloon.remove(&mut spin()).unwrap();
        assert_eq!(ledger.accounts().calls > 0, accounted, "{:?}", ledger.accounts());
        assert_eq!(ledger.accounts().in_balloon(), 0);
        assert_settled(&device, &ledger);
    }
}

#[test]
fn the_pause_for_a_kernel_without_frames_can_be_set() {
    for pause in [None, Some(Duration::from_millis(7)), Some(Duration::ZERO), Some(Duration::MAX)] {
        let device = BalloonDevice::builder().inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let balloon = Balloon::new(bus(&device), platform).require(MustTellHost);
        let balloon = if let Some(pause) = pause { balloon.retry_after(pause) } else { balloon };
        let mut balloon = balloon.probe().unwrap();
        let retry_after = pause.unwrap_or(Duration::from_millis(200));
        device.set_target(1000);
        ledger.limit_frames(Some(300));
        assert_eq!(settle(&mut balloon), Step::OutOfFrames { retry_after });
        assert_eq!(device.actual(), 300, "the partial array was told");
        assert_eq!(balloon.service(), Ok(Step::OutOfFrames { retry_after }), "still");
        ledger.limit_frames(None);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(device.actual(), 1000);
        assert_clean(&device, &ledger);
    }
}

/// balloon.op.7: what there is, and no more.
#[test]
fn relief_gives_no_more_than_the_balloon_has() {
    for (relief, pages) in [(u32::MAX, 100), (256, 100), (100, 100), (99, 100), (0, 100), (256, 0)] {
        let builder = BalloonDevice::builder().features(features::DEFLATE_ON_OOM | features::VERSION_1);
        let device = builder.inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let mut balloon = Balloon::new(bus(&device), platform).require(DeflateOnOom(relief)).probe().unwrap();
        device.set_target(pages);
        while balloon.service().unwrap() == Step::Waiting {}
        let given = relief.min(pages);
        let picked = balloon.deflate_on_oom();
        assert_eq!(picked.frames(), given);
        assert_eq!(picked.tell_host().wait(&mut spin()), Ok(given));
        assert_eq!((device.actual(), ledger.lent_frames().len()), (pages - given, (pages - given) as usize));
        assert_clean(&device, &ledger);
    }
}
