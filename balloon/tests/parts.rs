//! Operations and handles that end early: what is left of them does no harm.

mod common;

use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{
    Balloon, BalloonError, Frames, FreePageHint, Hinted, MustTellHost, PageReporting, Pages, Size4KiB, StatsVq, Step,
};
use aerostat_device::{BalloonDevice, Event, TestPlatform, features};
use common::{assert_clean, assert_settled, bus, live, spin};

/// core.init.14
#[test]
fn handles_say_nothing_once_their_balloon_has_ended() {
    let offered = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
    let device = BalloonDevice::builder().features(offered | features::VERSION_1).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let (ledger, mut kernel) = (platform.ledger(), platform.share());
    ledger.set_statistics([(4, 1)]);
    let balloon = Balloon::new(bus(&device), platform).require(StatsVq).require(FreePageHint::default());
    let mut handles = balloon.require(PageReporting::default()).probe().unwrap().split();
    let _ = device.start_hinting();
    assert!(device.request_statistics());
    drop(handles.balloon);
    let (events, free) = (device.events().len(), ledger.free_frames());
    assert!(handles.reporting.service(&mut kernel).is_err());
    assert!(handles.hinting.service(&mut kernel, InterruptStatus::ANY).is_err());
    assert!(handles.statistics.service(&mut kernel).is_err());
    assert_eq!((device.events().len(), ledger.free_frames()), (events, free));
    assert!(ledger.lent_frames().is_empty());
    assert_clean(&device, &ledger);
}

/// balloon.op.16: the old frame is named in one array; the balloon goes on without naming it in another one.
#[test]
fn an_exchange_that_is_dropped_on_its_way_tells_of_the_old_frame_once() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(10);
    while balloon.service().unwrap() == Step::Waiting {
        device.step();
    }
    let old = *ledger.lent_frames().first().unwrap();
    let new = balloon.platform_mut().allocate(1).unwrap();
    let mut exchange = balloon.migrate(old, new).unwrap();
    while device.step() {}
    assert!(exchange.poll().unwrap().is_pending(), "the device has taken the new frame and is told of the old one");
    drop(exchange);
    device.set_target(5);
    device.clear_events();
    while balloon.service().unwrap() == Step::Waiting {
        device.step();
    }
    let told: Vec<u32> = device
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Deflated { pfns } = event { Some(pfns) } else { None })
        .flatten()
        .collect();
    assert_eq!(told.iter().filter(|page| u64::from(**page) == old).count(), 1, "{told:?}");
    assert_eq!((balloon.size(), device.host_page_count(), ledger.lent_frames().len()), (Pages(5), 5, 5));
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut device.work_at_most(100)).unwrap();
    assert_settled(&device, &ledger);
}

/// balloon.op.8, balloon.op.16
#[test]
fn when_every_frame_is_exchanged_the_balloon_keeps_its_size() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(700);
    while balloon.service().unwrap() == Step::Waiting {}
    let before = ledger.lent_frames();
    for &old in &before {
        let new = balloon.platform_mut().allocate(1).unwrap();
        assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
        assert_eq!((device.actual(), device.host_page_count(), ledger.lent_frames().len()), (700, 700, 700));
        assert!(!ledger.lent_frames().contains(&old));
    }
    assert_eq!((balloon.migrated(), balloon.size()), (before.len() as u64, Pages(700)));
    let pages: Vec<u64> = device.host_pages().into_iter().map(u64::from).collect();
    assert_eq!(pages, ledger.lent_frames().into_iter().collect::<Vec<_>>());
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

/// An exchange that is dropped at any time leaves a balloon that finds back to its target.
#[test]
fn an_exchange_may_be_dropped_at_any_time() {
    for looks in 0..6 {
        let builder = BalloonDevice::builder().features(features::MUST_TELL_HOST | features::VERSION_1).manual();
        let device = builder.start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let mut balloon = Balloon::new(bus(&device), platform).require(MustTellHost).probe().unwrap();
        device.set_target(300);
        while balloon.service().unwrap() == Step::Waiting {
            device.step();
        }
        let old = *ledger.lent_frames().iter().nth(7).unwrap();
        let new = balloon.platform_mut().allocate(1).unwrap();
        let mut exchange = balloon.migrate(old, new).unwrap();
        for _ in 0..looks {
            device.step();
            if exchange.poll().unwrap().is_ready() {
                break;
            }
        }
        drop(exchange);
        let rejected = match balloon.platform_mut().allocate(1) {
            Some(new) => balloon.migrate(old, new).map(drop).err(),
            None => None,
        };
        if let Some(rejected) = rejected {
            assert!(matches!(rejected.error, BalloonError::Busy | BalloonError::NotInBalloon { .. }));
            balloon.platform_mut().deallocate(rejected.run);
        }
        while balloon.service().unwrap() == Step::Waiting {
            device.step();
        }
        assert_eq!((balloon.size(), device.host_page_count(), ledger.lent_frames().len()), (Pages(300), 300, 300));
        assert_clean(&device, &ledger);
    }
}

/// balloon.hint.10: that the host is done is not enough while it still has the buffers.
#[test]
fn hinted_blocks_stay_lent_while_their_buffers_are_with_the_device() {
    let builder = BalloonDevice::builder().features(features::FREE_PAGE_HINT | features::VERSION_1).manual();
    let device = builder.start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform).require(FreePageHint::default()).probe().unwrap();
    let config = InterruptStatus { used_buffers: false, configuration: true };
    let _ = device.start_hinting();
    assert_eq!(balloon.hinting().service(config), Ok(Hinted::Waiting));
    let lent = ledger.lent_frames().len();
    assert!(lent > 0 && device.step(), "the device takes them");
    device.finish_hinting();
    assert_eq!(balloon.hinting().service(config), Ok(Hinted::Waiting));
    assert_eq!(ledger.lent_frames().len(), lent);
    while device.step() {}
    while balloon.hinting().service(InterruptStatus { used_buffers: true, configuration: false }).unwrap()
        == Hinted::Waiting
    {
        device.step();
    }
    assert!(ledger.lent_frames().is_empty());
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}
