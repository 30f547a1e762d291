//! Statistics, relief, migration, reporting, hinting and poison on a device that keeps the rules.

mod common;

use std::time::Duration;

use aerostat_balloon::transport::{InterruptStatus, Numbering};
use aerostat_balloon::{
    Balloon, BalloonError, DeflateOnOom, EventIdx, FrameRun, Frames, FreePageHint, Hinted, MustTellHost, PagePoison,
    PageReporting, Pages, ReportFrames, Reported, Size4KiB, StatsRequest, StatsVq, Step,
};
use aerostat_device::{BalloonDevice, Builder, Event, HintCommand, Ledger, TestPlatform, features};
use common::{assert_clean, assert_settled, bus, spin};

type Platform = TestPlatform<Size4KiB>;

fn device(features: u64) -> Builder {
    BalloonDevice::builder().features(features | features::VERSION_1).inline()
}

fn start(builder: Builder) -> (BalloonDevice, Platform, Ledger) {
    let device = builder.start().unwrap();
    let platform = Platform::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1 << 20), (5, 64 << 20), (15, 7)]);
    (device, platform, ledger)
}

/// Steps a live balloon until it has nothing to do.
macro_rules! settle {
    ($balloon:expr) => {
        loop {
            match $balloon.service().unwrap() {
                Step::Waiting => {}
                step => break step,
            }
        }
    };
}

/// balloon.stats.2, balloon.stats.3, balloon.stats.5, balloon.stats.7, balloon.stats.8, balloon.stats.11, balloon.init.2,
/// balloon.init.5
#[test]
fn statistics_are_primed_and_answered_with_the_same_set() {
    let (device, platform, ledger) = start(device(features::STATS_VQ));
    let mut balloon = Balloon::new(bus(&device), platform).require(StatsVq).probe().unwrap();
    assert!(device.request_statistics(), "the first buffer is with the device when it goes live");
    assert_eq!(balloon.stats().service(), Ok(StatsRequest::Answered));
    assert_eq!(device.statistics().unwrap(), [(4, 1 << 20), (5, 64 << 20), (15, 7)]);

    // More and less than in the beginning: the set stays, a missing value is the last one.
    ledger.set_statistics([(5, 65 << 20), (0, 3), (15, 8)]);
    assert!(device.request_statistics());
    assert_eq!(balloon.stats().service(), Ok(StatsRequest::Answered));
    assert_eq!(balloon.stats().service(), Ok(StatsRequest::NotPending));
    assert!(device.request_statistics());
    assert_eq!(device.statistics().unwrap(), [(4, 1 << 20), (5, 65 << 20), (15, 8)]);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

#[test]
fn a_kernel_without_any_statistics_is_told_so() {
    let (device, platform, ledger) = start(device(features::STATS_VQ));
    ledger.set_statistics([]);
    let failed = Balloon::new(bus(&device), platform).want(StatsVq).probe().unwrap_err();
    assert_eq!(failed.error, aerostat_balloon::ProbeError::NoStatistics);
    assert!(ledger.is_settled());
}

/// balloon.op.7
#[test]
fn relief_goes_below_the_target_and_holds_the_balloon_off_until_the_retry() {
    let (device, platform, ledger) = start(device(features::DEFLATE_ON_OOM));
    let balloon = Balloon::new(bus(&device), platform).require(DeflateOnOom(300)).oom_backoff(Duration::from_secs(3));
    let mut balloon = balloon.probe().unwrap();
    device.set_target(1000);
    assert_eq!(settle!(balloon), Step::OnTarget);
    assert_eq!(balloon.deflate_on_oom().tell_host().wait(&mut spin()), Ok(300));
    assert_eq!((device.actual(), ledger.lent_frames().len()), (700, 700));
    for _ in 0..3 {
        assert_eq!(balloon.service(), Ok(Step::HeldOff { retry_after: Duration::from_secs(3) }));
    }
    assert_eq!(device.actual(), 700);
    assert_eq!(balloon.deflate_on_oom().tell_host().wait(&mut spin()), Ok(300), "again under pressure");
    let _ = balloon.retry().unwrap();
    assert_eq!(settle!(balloon), Step::OnTarget);
    assert_eq!(device.actual(), 1000);
    assert_clean(&device, &ledger);
}

#[test]
fn without_the_pause_the_balloon_takes_the_same_pages_right_back() {
    let (device, platform, ledger) = start(device(features::DEFLATE_ON_OOM));
    let balloon = Balloon::new(bus(&device), platform).require(DeflateOnOom::default()).oom_backoff(Duration::ZERO);
    let mut balloon = balloon.probe().unwrap();
    device.set_target(1000);
    assert_eq!(settle!(balloon), Step::OnTarget);
    for _ in 0..10 {
        assert_eq!(balloon.deflate_on_oom().tell_host().wait(&mut spin()), Ok(256));
        assert_eq!(settle!(balloon), Step::OnTarget);
        assert_eq!(ledger.lent_frames().len(), 1000, "no progress for the kernel: the livelock");
    }
}

#[test]
fn there_is_no_relief_where_the_host_does_not_offer_it() {
    let (device, platform, _ledger) = start(device(0));
    let mut balloon = Balloon::new(bus(&device), platform).want(DeflateOnOom::default()).probe().unwrap();
    assert!(balloon.deflate_on_oom().is_none());
}

/// balloon.op.8, balloon.op.12, balloon.op.16
#[test]
fn migration_tells_of_the_new_frame_first_and_then_of_the_old_one() {
    let (device, platform, ledger) = start(device(features::MUST_TELL_HOST));
    let mut balloon = Balloon::new(bus(&device), platform).require(MustTellHost).probe().unwrap();
    device.set_target(10);
    assert_eq!(settle!(balloon), Step::OnTarget);
    let old = *ledger.lent_frames().iter().nth(4).unwrap();
    let new = balloon.platform_mut().allocate(1).unwrap();
    let (new_frame, old_page) = (new.first(), old as u32);
    device.clear_events();
    assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
    let told: Vec<(bool, Vec<u32>)> = device
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Inflated { pfns } => Some((true, pfns)),
            Event::Deflated { pfns } => Some((false, pfns)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(true, vec![new_frame as u32]), (false, vec![old_page])]);
    assert_eq!((device.actual(), balloon.migrated()), (10, 1));
    assert!(!ledger.lent_frames().contains(&old) && ledger.lent_frames().contains(&new_frame));
    assert_clean(&device, &ledger);
}

#[test]
fn migration_declines_what_it_cannot_do_and_hands_the_frame_back() {
    let (device, platform, ledger) = start(device(0).manual());
    let mut balloon = Balloon::new(bus(&device), platform).probe().unwrap();
    let decline = |balloon: &mut Balloon<_>, old, count| -> BalloonError {
        let balloon: &mut Balloon<aerostat_balloon::Ready<common::Bus, Platform, aerostat_balloon::Undeclared>> =
            balloon;
        let new: FrameRun<Size4KiB> = balloon.platform_mut().allocate(count).unwrap();
        let rejected = balloon.migrate(old, new).map(drop).unwrap_err();
        balloon.platform_mut().deallocate(rejected.run);
        rejected.error
    };
    assert_eq!(decline(&mut balloon, 7, 1), BalloonError::NotInBalloon { frame: 7 });
    assert_eq!(decline(&mut balloon, 7, 2), BalloonError::NotOne);
    device.set_target(10);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(decline(&mut balloon, 7, 1), BalloonError::Busy);
    drop(balloon);
    assert!(ledger.is_settled());
}

/// balloon.report.3, balloon.report.5, balloon.report.7, balloon.vq.4
#[test]
fn all_free_memory_is_reported_once_and_again_only_after_it_was_used() {
    let (device, platform, ledger) = start(device(features::PAGE_REPORTING));
    ledger.touch_free_frames();
    let mut balloon = Balloon::new(bus(&device), platform).require(PageReporting::default()).probe().unwrap();
    let resident = device.memory().resident_bytes();
    while balloon.reporting().service().unwrap() == Reported::Waiting {}
    let blocks = ledger.reported_frames() / 512;
    assert!(blocks >= 30, "{blocks} blocks of 2 MiB in a guest of 64 MiB");
    assert!(device.memory().resident_bytes() + (blocks as u64) * (2 << 20) <= resident, "the host dropped them");
    let reports = device.events().iter().filter(|event| matches!(event, Event::Reported { .. })).count();
    assert_eq!(balloon.reporting().service(), Ok(Reported::Everything));
    let again = device.events().iter().filter(|event| matches!(event, Event::Reported { .. })).count();
    assert_eq!(again, reports, "nothing is reported twice");
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

/// balloon.report.3
#[test]
fn a_block_is_not_the_kernels_before_its_report_is_acknowledged() {
    let (device, platform, ledger) = start(device(features::PAGE_REPORTING).manual());
    let mut balloon = Balloon::new(bus(&device), platform).require(PageReporting(4 << 20)).probe().unwrap();
    assert_eq!(balloon.reporting().service(), Ok(Reported::Waiting));
    let lent = ledger.lent_frames().len();
    assert!(lent > 0 && lent.is_multiple_of(1024));
    assert_eq!(balloon.reporting().service(), Ok(Reported::Waiting));
    assert_eq!(ledger.lent_frames().len(), lent);
    drop(balloon);
    assert_settled(&device, &ledger);
}

/// balloon.poison.1, balloon.poison.2, balloon.report.2
#[test]
fn what_comes_back_and_what_is_reported_holds_the_poison() {
    let all = features::PAGE_POISON | features::PAGE_REPORTING;
    let (device, platform, ledger) = start(device(all));
    let balloon = Balloon::new(bus(&device), platform).require(PagePoison(0xaaaa_5555)).want(PageReporting::default());
    let mut balloon = balloon.probe().unwrap();
    assert_eq!(device.poison(), Some(0xaaaa_5555));
    device.set_target(600);
    assert_eq!(settle!(balloon), Step::OnTarget);
    device.set_target(0);
    assert_eq!(settle!(balloon), Step::OnTarget);
    while balloon.reporting().unwrap().service().unwrap() == Reported::Waiting {}
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

/// balloon.hint.1, balloon.hint.2, balloon.hint.3, balloon.hint.4, balloon.hint.5, balloon.hint.6, balloon.hint.10,
/// balloon.hint.11, balloon.hint.12
#[test]
fn a_round_of_hints_ends_with_stop_and_blocks_come_back_when_the_host_is_done() {
    for command in [HintCommand::Shown, HintCommand::HiddenOnceOpened] {
        let (device, platform, ledger) = start(device(features::FREE_PAGE_HINT).hint_command(command));
        let mut balloon = Balloon::new(bus(&device), platform).require(FreePageHint::default()).probe().unwrap();
        assert_eq!(balloon.hinting().service(InterruptStatus::ANY), Ok(Hinted::Idle));
        let _ = device.start_hinting();
        let config = InterruptStatus { used_buffers: false, configuration: true };
        let queue = InterruptStatus { used_buffers: true, configuration: false };
        let _ = balloon.hinting().service(config).unwrap();
        while balloon.hinting().service(queue).unwrap() == Hinted::Waiting {}
        let hinted = ledger.lent_frames().len();
        assert!(hinted >= 14 * 1024, "{hinted} frames in blocks of 4 MiB");
        assert_eq!(device.hinted_pages().len(), hinted);
        assert!(device.events().iter().any(|event| matches!(event, Event::HintRoundClosed { .. })), "STOP was sent");

        device.stop_hinting();
        let _ = balloon.hinting().service(config).unwrap();
        assert_eq!(ledger.lent_frames().len(), hinted, "not while the host says STOP");
        device.finish_hinting();
        while balloon.hinting().service(config).unwrap() == Hinted::Waiting {}
        assert!(ledger.lent_frames().is_empty());

        let _ = device.start_hinting();
        let _ = balloon.hinting().service(config).unwrap();
        assert!(!ledger.lent_frames().is_empty(), "the next round");
        let _ = balloon.remove(&mut spin()).unwrap();
        assert_settled(&device, &ledger);
    }
}

#[test]
fn reporting_needs_no_poison_where_free_pages_keep_nothing() {
    assert_eq!(<Platform as ReportFrames>::CONTENTS, aerostat_balloon::FreeContents::Undefined);
    let (device, platform, _ledger) = start(device(features::PAGE_REPORTING));
    let mut balloon = Balloon::new(bus(&device), platform).want(PageReporting::default()).probe().unwrap();
    assert!(balloon.reporting().is_some());
}

/// balloon.vq.2, balloon.vq.3, balloon.vq.4
#[test]
fn queues_are_found_however_the_device_numbers_them() {
    let optional = [features::STATS_VQ, features::FREE_PAGE_HINT, features::PAGE_REPORTING];
    for numbering in [
        aerostat_device::Numbering::Specification,
        aerostat_device::Numbering::DenseOverOffered,
        aerostat_device::Numbering::Qemu,
    ] {
        for set in 0..8_u32 {
            let offered = (0..3).filter(|bit| set >> bit & 1 == 1).map(|bit| optional[bit as usize]).sum::<u64>();
            let qemu = numbering == aerostat_device::Numbering::Qemu;
            if qemu && offered & features::STATS_VQ == 0 {
                continue; // QEMU always offers statistics.
            }
            let (device, platform, ledger) = start(device(offered).numbering(numbering));
            let balloon = Balloon::new(bus(&device), platform).want(StatsVq).want(FreePageHint::default());
            let mut balloon = balloon.want(PageReporting::default()).probe().unwrap();
            if let Some(mut reporting) = balloon.reporting() {
                while reporting.service().unwrap() == Reported::Waiting {}
                assert!(ledger.reported_frames() > 0, "{numbering:?} {offered:#x}");
            }
            if let Some(mut stats) = balloon.stats() {
                assert!(device.request_statistics(), "{numbering:?} {offered:#x}");
                assert_eq!(stats.service(), Ok(StatsRequest::Answered));
            }
            let _ = balloon.remove(&mut spin()).unwrap();
            assert_settled(&device, &ledger);
        }
    }
}

#[test]
fn a_device_that_counts_negotiated_queues_is_driven_when_told_so() {
    let offered = features::STATS_VQ | features::PAGE_REPORTING;
    let builder = device(offered).numbering(aerostat_device::Numbering::DenseOverNegotiated);
    let (device, platform, ledger) = start(builder);
    let balloon = Balloon::new(bus(&device), platform).want(PageReporting::default());
    let mut balloon = balloon.numbering(Numbering::DenseOverNegotiated).probe().unwrap();
    while balloon.reporting().unwrap().service().unwrap() == Reported::Waiting {}
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

#[test]
fn parts_work_apart_and_only_together_can_they_be_frozen() {
    let all = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
    let (device, platform, ledger) = start(device(all));
    let balloon = Balloon::new(bus(&device), platform).require(StatsVq).want(FreePageHint::default());
    let balloon = balloon.want(PageReporting::default()).probe().unwrap();
    let mut handles = balloon.split();
    device.set_target(300);
    assert_eq!(settle!(handles.balloon), Step::OnTarget);
    assert_eq!(handles.balloon.size(), Pages(300));
    // The handles get the kernel's side from whoever owns them.
    let mut other = Platform::of(&device).unwrap();
    other.ledger().set_statistics([(4, 5), (5, 6), (15, 7)]);
    assert!(device.request_statistics());
    assert_eq!(handles.statistics.service(&mut other), Ok(StatsRequest::Answered));
    let reporting = handles.reporting.take();
    let handles = handles.join().unwrap_err();
    let balloon = aerostat_balloon::Handles { reporting, ..handles }.join().unwrap();
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

#[test]
fn blocks_of_a_dropped_handle_come_back_with_the_end_of_the_balloon() {
    let (device, platform, ledger) = start(device(features::PAGE_REPORTING).manual());
    let balloon = Balloon::new(bus(&device), platform).require(PageReporting::default()).probe().unwrap();
    let mut balloon = balloon;
    assert_eq!(balloon.reporting().service(), Ok(Reported::Waiting));
    assert!(!ledger.lent_frames().is_empty());
    let handles = balloon.split();
    drop(handles.reporting);
    assert!(!ledger.lent_frames().is_empty(), "the device still has them");
    drop(handles.balloon);
    assert!(ledger.lent_frames().is_empty());
    assert_clean(&device, &ledger);
}

/// ring.split.avail-notif.6, ring.split.avail-notif.7, ring.split.used-notif.4
#[test]
fn with_an_event_index_both_sides_are_told_what_they_asked_for_and_nothing_is_missed() {
    let device = device(features::EVENT_IDX | features::MUST_TELL_HOST).start().unwrap();
    let platform = Platform::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform).require(EventIdx).require(MustTellHost).probe().unwrap();
    for round in 0..2_u32 {
        for target in 1..=200 {
            device.set_target(if round == 0 { target } else { 200 - target });
            assert_eq!(settle!(balloon), Step::OnTarget);
        }
    }
    for _ in 0..25 {
        device.set_target(8000);
        assert_eq!(settle!(balloon), Step::OnTarget);
        device.set_target(0);
        assert_eq!(settle!(balloon), Step::OnTarget);
    }
    assert_clean(&device, &ledger);
}

/// The device sleeps until it is notified, and the driver until it is interrupted: an event that is missed on either side
/// hangs the test.
#[test]
fn with_an_event_index_nobody_waits_for_ever() {
    let device = device(features::EVENT_IDX).threaded().start().unwrap();
    let platform = Platform::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform).require(EventIdx).probe().unwrap();
    let (line, source) = (device.interrupt_line(), balloon.interrupt());
    let mut seen = line.count();
    for round in 0..100_u32 {
        device.set_target(if round % 2 == 0 { 6000 } else { 10 });
        loop {
            use aerostat_balloon::transport::InterruptSource;
            let _ = source.acknowledge();
            if balloon.service().unwrap() == Step::OnTarget {
                break;
            }
            seen = line.wait(seen, Duration::from_secs(20)).unwrap();
        }
    }
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}
