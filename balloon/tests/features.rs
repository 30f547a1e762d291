//! Statistics, deflation on OOM, migration, reporting, hinting and poison on a device that follows the protocol.

mod common;

use std::time::Duration;

use aerostat_balloon::handles::{Progress, StatsRequest};
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::platform::{FreeContents, ReportFrames};
use aerostat_balloon::transport::{InterruptSource, InterruptStatus, Numbering};
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, FrameRun, Frames, NoFeatures, Options, ProbeError, Size4KiB, Step,
    features,
};
use aerostat_device::{BalloonDevice, Builder, Event, HintCommand, Ledger, TestPlatform};
use common::{Live, TellHost, assert_all_returned, assert_clean, assert_reset, bus, probe, settle, spin};

use aerostat_device::features as offered;

type Platform = TestPlatform<Size4KiB>;

features! { struct Statistics { StatsVq: Required } }
features! { struct OptionalStatistics { StatsVq: Optional } }
features! { struct OnOom { DeflateOnOom: Required } }
features! { struct OptionalOnOom { DeflateOnOom: Optional } }
features! { struct Reporting { PageReporting: Required } }
features! { struct OptionalReporting { PageReporting: Optional } }
features! { struct Hinting { FreePageHint: Required } }
features! { struct Poison { PagePoison: Required, PageReporting: Optional } }
features! { struct FreePages { StatsVq: Optional, FreePageHint: Optional, PageReporting: Optional } }
features! { struct EventIndex { EventIdx: Required, MustTellHost: Optional } }

const CONFIGURATION: InterruptStatus = InterruptStatus { used_buffers: false, configuration: true };
const USED_BUFFERS: InterruptStatus = InterruptStatus { used_buffers: true, configuration: false };

fn device(features: u64) -> Builder {
    BalloonDevice::builder().features(features | offered::VERSION_1).inline()
}

fn start(builder: Builder) -> (BalloonDevice, Platform, Ledger) {
    let device = builder.start().unwrap();
    let platform = Platform::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1 << 20), (5, 64 << 20), (15, 7)]);
    (device, platform, ledger)
}

fn live<F: BalloonFeatureSet>(builder: Builder, options: Options<F>) -> (Live<Size4KiB, F>, BalloonDevice, Ledger)
where
    Platform: aerostat_balloon::Platform<F>,
{
    let (device, platform, ledger) = start(builder);
    (probe(&device, platform, options), device, ledger)
}

// conformance: balloon.init.2, balloon.init.5, balloon.stats.1, balloon.stats.2, balloon.stats.3, balloon.stats.4
// conformance: balloon.stats.5, balloon.stats.7, balloon.stats.8, balloon.stats.9, balloon.stats.10, balloon.stats.11
#[test]
fn statistics_are_primed_and_answered_with_the_same_set_of_tags() {
    let (mut balloon, device, ledger) = live(device(offered::STATS_VQ), Options::new(Statistics));
    assert!(device.request_statistics(), "the device has the first buffer when it goes live");
    assert_eq!(balloon.service_statistics(), Ok(StatsRequest::Answered));
    assert_eq!(device.statistics().unwrap(), [(4, 1 << 20), (5, 64 << 20), (15, 7)]);

    // A tag more and a tag less than at first: the set stays, and the last value is sent for a missing tag.
    ledger.set_statistics([(5, 65 << 20), (0, 3), (15, 8)]);
    assert!(device.request_statistics());
    assert_eq!(balloon.service_statistics(), Ok(StatsRequest::Answered));
    assert_eq!(balloon.service_statistics(), Ok(StatsRequest::NotPending));
    assert!(device.request_statistics());
    assert_eq!(device.statistics().unwrap(), [(4, 1 << 20), (5, 65 << 20), (15, 8)]);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn the_probe_fails_if_the_kernel_supplies_no_statistics() {
    let (device, platform, ledger) = start(device(offered::STATS_VQ));
    ledger.set_statistics([]);
    let balloon = Balloon::new(bus(&device), platform, Options::new(OptionalStatistics)).unwrap();
    let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
    assert_eq!(failed.error, ProbeError::NoStatistics);
    assert_reset(&device, &ledger);
    drop(failed);
    assert_all_returned(&device, &ledger);
}

// conformance: core.feature.9
#[test]
fn methods_of_an_optional_feature_return_none_if_the_device_does_not_offer_it() {
    let (mut balloon, device, ledger) = live(device(0), Options::new(FreePages));
    assert_eq!(balloon.service_statistics(), Ok(None));
    assert_eq!(balloon.service_reporting(), Ok(None));
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(None));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.op.7
#[test]
fn deflation_on_oom_goes_below_the_target_and_pauses_the_balloon_until_the_retry() {
    let options = Options::new(OnOom).oom_pages(300).oom_backoff(Duration::from_secs(3));
    let (mut balloon, device, ledger) = live(device(offered::DEFLATE_ON_OOM), options);
    device.set_target(1000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!(balloon.deflate_on_oom().tell_host().wait(&mut spin()), Ok(300));
    assert_eq!((device.actual(), ledger.allocated_frames().len()), (700, 700));
    for _ in 0..3 {
        let Step::Paused(pause) = balloon.service().unwrap() else { panic!("the balloon inflates at once") };
        assert_eq!((pause.reason, pause.retry_after), (PauseReason::OomBackoff, Duration::from_secs(3)));
    }
    assert_eq!(device.actual(), 700);
    assert_eq!(balloon.deflate_on_oom().tell_host().wait(&mut spin()), Ok(300), "out of memory again");
    let Step::Paused(pause) = balloon.service().unwrap() else { panic!("the balloon inflates at once") };
    let _ = balloon.retry(pause).unwrap();
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!(device.actual(), 1000);
    assert_clean(&device, &ledger);
}

#[test]
fn without_a_backoff_the_balloon_takes_the_same_pages_again() {
    let options = Options::new(OnOom).oom_backoff(Duration::ZERO);
    let (mut balloon, device, ledger) = live(device(offered::DEFLATE_ON_OOM), options);
    device.set_target(1000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    for _ in 0..10 {
        assert_eq!(balloon.deflate_on_oom().tell_host().wait(&mut spin()), Ok(256));
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(ledger.allocated_frames().len(), 1000, "livelock: the kernel gets no memory");
    }
}

// conformance: core.feature.9, balloon.op.6
#[test]
fn deflation_on_oom_is_none_if_the_device_does_not_offer_it() {
    let (mut balloon, _device, _ledger) = live(device(0), Options::new(OptionalOnOom));
    assert!(balloon.deflate_on_oom().is_none());
}

// conformance: balloon.op.8, balloon.op.12, balloon.op.16
#[test]
fn migration_inflates_the_new_frame_first_and_then_deflates_the_old_one() {
    let (mut balloon, device, ledger) = live(device(offered::MUST_TELL_HOST), Options::new(TellHost));
    device.set_target(10);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let old = *ledger.allocated_frames().iter().nth(4).unwrap();
    let new = balloon.platform().share().allocate(1).unwrap();
    let (new_frame, old_page) = (new.first(), old as u32);
    device.clear_events();
    assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
    let arrays: Vec<(&str, Vec<u32>)> = device
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Inflated { pfns } => Some(("inflate", pfns)),
            Event::Deflated { pfns } => Some(("deflate", pfns)),
            _ => None,
        })
        .collect();
    assert_eq!(arrays, [("inflate", vec![new_frame as u32]), ("deflate", vec![old_page])]);
    assert_eq!((device.actual(), balloon.migrated()), (10, 1));
    assert!(!ledger.allocated_frames().contains(&old) && ledger.allocated_frames().contains(&new_frame));
    assert_clean(&device, &ledger);
}

#[test]
fn a_rejected_migration_returns_the_new_frame() {
    let (mut balloon, device, ledger) = live(device(0).manual(), Options::new(NoFeatures));
    let reject = |balloon: &mut Live<Size4KiB, NoFeatures>, old, count| -> BalloonError {
        let new: FrameRun<Size4KiB> = balloon.platform().share().allocate(count).unwrap();
        let rejected = balloon.migrate(old, new).map(drop).unwrap_err();
        balloon.platform().share().deallocate(rejected.run.unwrap());
        rejected.error
    };
    assert_eq!(reject(&mut balloon, 7, 1), BalloonError::NotInBalloon { frame: 7 });
    assert_eq!(reject(&mut balloon, 7, 2), BalloonError::NotOneFrame { count: 2 });
    device.set_target(10);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(reject(&mut balloon, 7, 1), BalloonError::Busy);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.vq.4, balloon.init.4, balloon.init.6, balloon.report.4, balloon.report.5, balloon.report.6
// conformance: balloon.report.7
#[test]
fn free_memory_is_reported_once_and_again_only_after_the_kernel_used_it() {
    let (device, platform, ledger) = start(device(offered::PAGE_REPORTING));
    ledger.touch_free_frames();
    let mut balloon = probe(&device, platform, Options::new(Reporting));
    let resident = device.memory().resident_bytes();
    while balloon.service_reporting().unwrap() == Progress::Waiting {}
    let blocks = ledger.reported_frames() / 512;
    assert!(blocks >= 30, "{blocks} blocks of 2 MiB in a guest of 64 MiB");
    assert!(device.memory().resident_bytes() + (blocks as u64) * (2 << 20) <= resident, "the host discards the blocks");
    let reports =
        |device: &BalloonDevice| device.events().iter().filter(|event| matches!(event, Event::Reported { .. })).count();
    let before = reports(&device);
    assert_eq!(balloon.service_reporting(), Ok(Progress::Idle));
    assert_eq!(reports(&device), before, "no block is reported twice");

    // The kernel uses one reported block and frees it again.
    ledger.use_frames(ledger.free_frames());
    ledger.free_used_frames();
    while balloon.service_reporting().unwrap() == Progress::Waiting {}
    assert!(reports(&device) > before, "used memory is reported again");
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.report.3
#[test]
fn a_reported_block_is_returned_only_after_the_device_has_acknowledged_it() {
    let options = Options::new(Reporting).report_block(4 << 20);
    let (mut balloon, device, ledger) = live(device(offered::PAGE_REPORTING).manual(), options);
    assert_eq!(balloon.service_reporting(), Ok(Progress::Waiting));
    let allocated = ledger.allocated_frames().len();
    assert!(allocated > 0 && allocated.is_multiple_of(1024), "blocks of 4 MiB");
    assert_eq!(balloon.service_reporting(), Ok(Progress::Waiting));
    assert_eq!(ledger.allocated_frames().len(), allocated);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.poison.1, balloon.poison.2, balloon.report.2
#[test]
fn returned_and_reported_memory_contains_the_poison_value() {
    let builder = device(offered::PAGE_POISON | offered::PAGE_REPORTING);
    let (mut balloon, device, ledger) = live(builder, Options::new(Poison).poison_value(0xaaaa_5555));
    assert_eq!(device.poison(), Some(0xaaaa_5555));
    device.set_target(600);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    device.set_target(0);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    while balloon.service_reporting().unwrap() == Some(Progress::Waiting) {}
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.config.2, balloon.config.3, balloon.init.3, balloon.hint.1, balloon.hint.2, balloon.hint.3
// conformance: balloon.hint.4, balloon.hint.6, balloon.hint.10, balloon.hint.11, balloon.hint.12
#[test]
fn a_round_of_hints_ends_with_stop_and_blocks_are_returned_when_the_host_is_done() {
    for command in [HintCommand::Shown, HintCommand::HiddenOnceOpened] {
        let builder = device(offered::FREE_PAGE_HINT).hint_command(command);
        let (mut balloon, device, ledger) = live(builder, Options::new(Hinting));
        assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(Progress::Idle));
        let _ = device.start_hinting();
        let _ = balloon.service_hinting(CONFIGURATION).unwrap();
        while balloon.service_hinting(USED_BUFFERS).unwrap() == Progress::Waiting {}
        let hinted = ledger.allocated_frames().len();
        assert!(hinted >= 14 * 1024, "{hinted} frames in blocks of 4 MiB");
        assert_eq!(device.hinted_pages().len(), hinted);
        assert!(device.events().iter().any(|event| matches!(event, Event::HintRoundClosed { .. })), "STOP was sent");

        device.stop_hinting();
        let _ = balloon.service_hinting(CONFIGURATION).unwrap();
        assert_eq!(ledger.allocated_frames().len(), hinted, "the host says STOP, not DONE");
        device.finish_hinting();
        while balloon.service_hinting(CONFIGURATION).unwrap() == Progress::Waiting {}
        assert!(ledger.allocated_frames().is_empty());

        let _ = device.start_hinting();
        let _ = balloon.service_hinting(CONFIGURATION).unwrap();
        assert!(!ledger.allocated_frames().is_empty(), "the next round");
        let _ = balloon.remove(&mut spin()).unwrap();
        assert_all_returned(&device, &ledger);
    }
}

/// The host still has buffers when it says DONE.
// conformance: balloon.hint.10
#[test]
fn hinted_blocks_are_not_returned_while_the_device_has_their_buffers() {
    let (mut balloon, device, ledger) = live(device(offered::FREE_PAGE_HINT).manual(), Options::new(Hinting));
    let _ = device.start_hinting();
    assert_eq!(balloon.service_hinting(CONFIGURATION), Ok(Progress::Waiting));
    let allocated = ledger.allocated_frames().len();
    assert!(allocated > 0 && device.step(), "the device processes one buffer");
    device.finish_hinting();
    assert_eq!(balloon.service_hinting(CONFIGURATION), Ok(Progress::Waiting));
    assert_eq!(ledger.allocated_frames().len(), allocated);
    while device.step() {}
    while balloon.service_hinting(USED_BUFFERS).unwrap() == Progress::Waiting {
        device.step();
    }
    assert!(ledger.allocated_frames().is_empty());
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn hinted_blocks_have_the_size_of_the_option() {
    let options = Options::new(Hinting).hint_block(1 << 20);
    let (mut balloon, device, ledger) = live(device(offered::FREE_PAGE_HINT).manual(), options);
    let _ = device.start_hinting();
    assert_eq!(balloon.service_hinting(CONFIGURATION), Ok(Progress::Waiting));
    let blocks = ledger.allocated_frames().len() / 256;
    assert!((1..64).contains(&blocks), "{blocks} blocks of 1 MiB in {} frames", ledger.allocated_frames().len());
    assert!(
        ledger.allocated_frames().len().is_multiple_of(256) && !ledger.allocated_frames().len().is_multiple_of(1024)
    );
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn reporting_needs_no_poison_if_the_kernel_does_not_rely_on_free_contents() {
    assert_eq!(<Platform as ReportFrames>::CONTENTS, FreeContents::Undefined);
    let (mut balloon, _device, _ledger) = live(device(offered::PAGE_REPORTING), Options::new(OptionalReporting));
    assert!(balloon.service_reporting().unwrap().is_some());
}

// conformance: balloon.vq.1, balloon.vq.2, balloon.vq.3, balloon.vq.4
#[test]
fn queues_are_found_however_the_device_numbers_them() {
    use aerostat_device::Numbering;
    let optional = [offered::STATS_VQ, offered::FREE_PAGE_HINT, offered::PAGE_REPORTING];
    for numbering in [Numbering::Specification, Numbering::DenseOverOffered, Numbering::Qemu] {
        for set in 0..8_u32 {
            let features = (0..3).filter(|bit| set >> bit & 1 == 1).map(|bit| optional[bit as usize]).sum::<u64>();
            if numbering == Numbering::Qemu && features & offered::STATS_VQ == 0 {
                continue; // QEMU always offers statistics.
            }
            let case = format!("{numbering:?} {features:#x}");
            let (mut balloon, device, ledger) = live(device(features).numbering(numbering), Options::new(FreePages));
            let numbers = balloon.queue_numbers();
            let exist = [numbers.statistics, numbers.hinting, numbers.reporting].map(|number| number.is_some());
            assert_eq!(exist, optional.map(|feature| features & feature != 0), "{case}: {numbers:?}");
            assert_eq!((numbers.inflate, numbers.deflate), (Some(0), Some(1)), "{case}");
            if exist[2] {
                while balloon.service_reporting().unwrap() == Some(Progress::Waiting) {}
                assert!(ledger.reported_frames() > 0, "{case}");
            }
            if exist[0] {
                assert!(device.request_statistics(), "{case}");
                assert_eq!(balloon.service_statistics(), Ok(Some(StatsRequest::Answered)), "{case}");
            }
            let _ = balloon.remove(&mut spin()).unwrap();
            assert_all_returned(&device, &ledger);
        }
    }
}

#[test]
fn a_device_that_numbers_only_negotiated_queues_works_with_the_numbering_option() {
    let builder = device(offered::STATS_VQ | offered::PAGE_REPORTING);
    let builder = builder.numbering(aerostat_device::Numbering::DenseOverNegotiated);
    let options = Options::new(OptionalReporting).numbering(Numbering::DenseOverNegotiated);
    let (mut balloon, device, ledger) = live(builder, options);
    assert_eq!(balloon.queue_numbers().reporting, Some(2));
    while balloon.service_reporting().unwrap() == Some(Progress::Waiting) {}
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn an_optional_feature_can_be_left_out_at_run_time() {
    use aerostat_balloon::feature;
    let all = offered::STATS_VQ | offered::FREE_PAGE_HINT | offered::PAGE_REPORTING;
    // The device may number over the negotiated features.
    let numbering = aerostat_balloon::transport::Numbering::Specification;
    let options = Options::new(FreePages).without(feature::FreePageHint).without(feature::StatsVq).numbering(numbering);
    let (mut balloon, device, ledger) = live(device(all), options);
    assert_eq!(device.accepted_features(), offered::PAGE_REPORTING | offered::VERSION_1);
    assert_eq!(balloon.service_statistics(), Ok(None));
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(None));
    assert!(balloon.service_reporting().unwrap().is_some());
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn the_device_has_at_most_max_in_flight_arrays() {
    for (arrays, frames) in [(1, 256), (3, 768), (0, 256), (u16::MAX, 4096)] {
        let options = Options::new(NoFeatures).max_in_flight(arrays);
        let (mut balloon, device, ledger) = live(device(0).manual(), options);
        device.set_target(8192);
        for _ in 0..3 {
            assert_eq!(balloon.service(), Ok(Step::Waiting));
            assert_eq!(ledger.allocated_frames().len(), frames, "{arrays} arrays");
        }
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn with_an_event_index_no_notification_is_missed() {
    let builder = device(offered::EVENT_IDX | offered::MUST_TELL_HOST);
    let (mut balloon, device, ledger) = live(builder, Options::new(EventIndex));
    for round in 0..2_u32 {
        for target in 1..=200 {
            device.set_target(if round == 0 { target } else { 200 - target });
            assert_eq!(settle(&mut balloon), Step::OnTarget);
        }
    }
    for _ in 0..25 {
        device.set_target(8000);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        device.set_target(0);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
    }
    assert_clean(&device, &ledger);
}

/// The device sleeps until it is notified, and the driver until it is interrupted: a missed event on either side hangs the
/// test.
#[test]
fn with_an_event_index_neither_side_waits_forever() {
    let (mut balloon, device, ledger) = live(device(offered::EVENT_IDX).threaded(), Options::new(EventIndex));
    let (line, source) = (device.interrupt_line(), balloon.interrupt());
    let mut seen = line.count();
    for round in 0..100_u32 {
        device.set_target(if round % 2 == 0 { 6000 } else { 10 });
        loop {
            let _ = source.acknowledge();
            if balloon.service().unwrap() == Step::OnTarget {
                break;
            }
            seen = line.wait(seen, Duration::from_secs(20)).unwrap();
        }
    }
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}
