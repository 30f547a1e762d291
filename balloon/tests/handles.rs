//! Split balloons: handles in different contexts, joining, and every order in which balloon and handles are dropped.

mod common;

use std::mem::swap;
use std::thread;

use aerostat_balloon::handles::{Progress, StatsRequest};
use aerostat_balloon::transport::{DeviceError, InterruptStatus};
use aerostat_balloon::{BalloonError, Handles, Options, Pages, Size4KiB, Step, features as declare};
use aerostat_device::{BalloonDevice, Builder, Ledger, RegisterFault, TestPlatform, When, features};
use common::{Bus, Live, assert_all_returned, assert_clean, assert_reset, probe, settle, spin};

declare! {
    struct Declared { StatsVq: Required, FreePageHint: Required, PageReporting: Required }
}
declare! {
    struct AllOptional { StatsVq: Optional, FreePageHint: Optional, PageReporting: Optional }
}

type Platform = TestPlatform<Size4KiB>;
type Parts<F> = Handles<Bus, Platform, F>;

const CONFIGURATION: InterruptStatus = InterruptStatus { used_buffers: false, configuration: true };
const ALL: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
/// The error of a handle whose balloon was reset.
const RESETTING: BalloonError = BalloonError::Device(DeviceError::Resetting);
const NOT_LIVE: BalloonError = BalloonError::NotLive;
/// DMA regions of the queues for statistics, reporting and hinting, at most.
const HANDLE_REGIONS: usize = 6;

fn builder() -> Builder {
    BalloonDevice::builder().memory(16 << 20).features(ALL | features::VERSION_1)
}

/// A split balloon, its device, the ledger of its kernel, and another way to the same kernel for the handles.
struct Rig {
    handles: Parts<Declared>,
    device: BalloonDevice,
    ledger: Ledger,
    kernel: Platform,
}

fn start<F: aerostat_balloon::BalloonFeatureSet>(
    builder: Builder,
    options: Options<F>,
) -> (Live<Size4KiB, F>, BalloonDevice, Ledger, Platform)
where
    Platform: aerostat_balloon::Platform<F>,
{
    let device = builder.start().unwrap();
    let platform = Platform::of(&device).unwrap();
    let (ledger, kernel) = (platform.ledger(), platform.share());
    ledger.set_statistics([(4, 1)]);
    (probe(&device, platform, options), device, ledger, kernel)
}

fn split(builder: Builder) -> Rig {
    let (balloon, device, ledger, kernel) = start(builder, Options::new(Declared));
    Rig { handles: balloon.split(), device, ledger, kernel }
}

/// Inflates the balloon and lets each handle pass something to the device, which keeps it.
fn put_everything_in_flight(rig: &mut Rig) {
    let Rig { handles, device, kernel, .. } = rig;
    device.set_target(1000);
    assert_eq!(handles.balloon.service(), Ok(Step::Waiting));
    assert_eq!(handles.reporting.service(kernel), Ok(Progress::Waiting));
    let _ = device.start_hinting();
    assert_eq!(handles.hinting.service(kernel, CONFIGURATION), Ok(Progress::Waiting));
    assert_eq!(handles.statistics.service(kernel), Ok(StatsRequest::NotPending));
}

#[test]
fn a_split_balloon_and_its_handles_do_what_a_whole_balloon_does() {
    let Rig { mut handles, device, ledger, mut kernel } = split(builder().inline());
    device.set_target(300);
    assert_eq!(settle(&mut handles.balloon), Step::OnTarget);
    assert_eq!(handles.balloon.size(), Pages(300));
    assert!(device.request_statistics());
    assert_eq!(handles.statistics.service(&mut kernel), Ok(StatsRequest::Answered));
    let _ = device.start_hinting();
    let _ = handles.hinting.service(&mut kernel, CONFIGURATION).unwrap();
    while handles.hinting.service(&mut kernel, InterruptStatus::ANY).unwrap() == Progress::Waiting {}
    assert!(!device.hinted_pages().is_empty());
    device.finish_hinting();
    while handles.hinting.service(&mut kernel, CONFIGURATION).unwrap() == Progress::Waiting {}
    assert_eq!(ledger.allocated_frames().len(), 300, "the hinted blocks are returned");
    while handles.reporting.service(&mut kernel).unwrap() == Progress::Waiting {}
    assert!(ledger.reported_frames() > 0);
    let balloon = handles.join().unwrap();
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_joined_balloon_continues_what_its_handles_started() {
    let mut rig = split(builder().manual());
    put_everything_in_flight(&mut rig);
    let Rig { handles, device, ledger, .. } = rig;
    let mut balloon = handles.join().unwrap();
    device.finish_hinting();
    let done = (0..1000).find(|_| {
        device.step();
        let step = balloon.service().unwrap();
        let hints = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        let reports = balloon.service_reporting().unwrap();
        (step, hints, reports) == (Step::OnTarget, Progress::Idle, Progress::Idle)
    });
    assert!(done.is_some(), "the balloon still waits for the device");
    assert_eq!(balloon.size(), Pages(1000));
    assert_eq!(ledger.allocated_frames().len(), 1000, "every block was returned");
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut device.work_at_most(1000)).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_balloon_can_be_split_and_joined_repeatedly() {
    let (mut balloon, device, ledger, mut kernel) = start(builder().inline(), Options::new(Declared));
    for target in [100, 50, 200] {
        let mut handles = balloon.split();
        device.set_target(target);
        assert_eq!(settle(&mut handles.balloon), Step::OnTarget);
        while handles.reporting.service(&mut kernel).unwrap() == Progress::Waiting {}
        balloon = handles.join().unwrap();
        assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(target)));
        let frozen = balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap();
        assert_reset(&device, &ledger);
        balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn join_fails_without_a_handle_and_succeeds_when_it_is_there_again() {
    let (balloon, device, ledger, _kernel) = start(builder().inline(), Options::new(AllOptional));
    let mut handles = balloon.split();
    for part in 0..3 {
        let (statistics, reporting, hinting) = match part {
            0 => (handles.statistics.take(), None, None),
            1 => (None, handles.reporting.take(), None),
            _ => (None, None, handles.hinting.take()),
        };
        handles = handles.join().map(drop).unwrap_err();
        handles.statistics = statistics.or(handles.statistics.take());
        handles.reporting = reporting.or(handles.reporting.take());
        handles.hinting = hinting.or(handles.hinting.take());
    }
    let balloon = handles.join().unwrap();
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_feature_that_is_not_negotiated_has_no_handle() {
    let builder = BalloonDevice::builder().features(features::PAGE_REPORTING | features::VERSION_1).inline();
    let (balloon, device, ledger, _kernel) = start(builder, Options::new(AllOptional));
    let handles = balloon.split();
    assert!(handles.statistics.is_none() && handles.hinting.is_none() && handles.reporting.is_some());
    drop(handles.join().unwrap());
    assert_all_returned(&device, &ledger);
}

#[test]
fn handles_of_another_balloon_of_the_same_type_are_not_joined() {
    let mut one = split(builder().inline());
    let mut other = split(builder().inline());
    for part in 0..3 {
        let exchange = |one: &mut Parts<Declared>, other: &mut Parts<Declared>| match part {
            0 => swap(&mut one.statistics, &mut other.statistics),
            1 => swap(&mut one.reporting, &mut other.reporting),
            _ => swap(&mut one.hinting, &mut other.hinting),
        };
        exchange(&mut one.handles, &mut other.handles);
        one.handles = one.handles.join().map(drop).unwrap_err();
        other.handles = other.handles.join().map(drop).unwrap_err();
        exchange(&mut one.handles, &mut other.handles);
    }
    for rig in [one, other] {
        let Rig { mut handles, device, ledger, mut kernel } = rig;
        device.set_target(100);
        assert_eq!(settle(&mut handles.balloon), Step::OnTarget);
        assert!(device.request_statistics());
        assert_eq!(handles.statistics.service(&mut kernel), Ok(StatsRequest::Answered));
        let _ = handles.join().unwrap().remove(&mut spin()).unwrap();
        assert_all_returned(&device, &ledger);
    }
}

/// A watchdog sees for each queue whether the device answers.
#[test]
fn handles_show_what_the_device_has_and_that_it_answers() {
    let Rig { mut handles, device, mut kernel, .. } = split(builder().manual());
    let numbers = |handles: &Parts<Declared>| {
        let Handles { statistics, reporting, hinting, .. } = handles;
        [
            (statistics.in_flight(), statistics.progress()),
            (reporting.in_flight(), reporting.progress()),
            (hinting.in_flight(), hinting.progress()),
        ]
    };
    assert_eq!(numbers(&handles), [(1, 0), (0, 0), (0, 0)], "the statistics buffer is sent by `probe`");
    device.inject(RegisterFault::LosesNotifications(When::Always));
    assert_eq!(handles.reporting.service(&mut kernel), Ok(Progress::Waiting));
    let _ = device.start_hinting();
    assert_eq!(handles.hinting.service(&mut kernel, CONFIGURATION), Ok(Progress::Waiting));
    let sent = numbers(&handles);
    for _ in 0..3 {
        while device.step() {}
        let _ = handles.reporting.service(&mut kernel).unwrap();
        let _ = handles.hinting.service(&mut kernel, InterruptStatus::ANY).unwrap();
    }
    assert_eq!(numbers(&handles), sent, "the device does not answer");
    assert!(sent[1].0 > 0 && sent[2].0 > 0);
    device.clear_faults();
    handles.reporting.notify_again().unwrap();
    handles.hinting.notify_again().unwrap();
    while device.step() {}
    let _ = handles.reporting.service(&mut kernel).unwrap();
    let _ = handles.hinting.service(&mut kernel, InterruptStatus::ANY).unwrap();
    assert!(device.request_statistics());
    while device.step() {}
    assert_eq!(handles.statistics.service(&mut kernel), Ok(StatsRequest::Answered));
    let now = numbers(&handles);
    assert!(now.iter().zip(sent).all(|(now, sent)| now.1 > sent.1), "{now:?}");
    let Handles { mut balloon, statistics, reporting, hinting } = handles;
    balloon.abandon(&mut spin()).unwrap();
    assert_eq!([statistics.progress(), reporting.progress(), hinting.progress()], now.map(|(_, progress)| progress));
    drop(balloon);
    let _ = (statistics.in_flight(), reporting.in_flight(), hinting.in_flight());
}

// conformance: core.init.14
#[test]
fn handles_that_outlive_their_balloon_return_errors_and_do_not_access_the_device() {
    for manual in [true, false] {
        let mut rig = split(if manual { builder().manual() } else { builder().inline() });
        if manual {
            put_everything_in_flight(&mut rig);
        }
        let Rig { handles, device, ledger, mut kernel } = rig;
        let Handles { balloon, mut statistics, mut reporting, mut hinting } = handles;
        let _ = device.start_hinting();
        let _ = device.request_statistics();
        drop(balloon);
        assert_eq!(device.status(), 0, "the device was reset");
        assert!(ledger.allocated_frames().is_empty(), "frames and blocks are returned");
        let (events, free) = (device.events().len(), ledger.free_frames());
        for _ in 0..3 {
            assert_eq!(reporting.service(&mut kernel), Err(NOT_LIVE));
            assert_eq!(hinting.service(&mut kernel, InterruptStatus::ANY), Err(NOT_LIVE));
            assert_eq!(statistics.service(&mut kernel), Err(NOT_LIVE));
        }
        assert_eq!((device.events().len(), ledger.free_frames()), (events, free));
        assert_clean(&device, &ledger);
        let leaked = (ledger.allocated_dma(), ledger.allocated_private());
        assert!(leaked.0 > 0 && leaked.1 == 1, "queue memory and private memory are leaked: {leaked:?}");
        assert!(leaked.0 <= HANDLE_REGIONS, "the memory of the page queues is returned: {leaked:?}");
        drop((statistics, reporting, hinting));
        assert_eq!((ledger.allocated_dma(), ledger.allocated_private()), leaked);
        assert!(ledger.allocated_frames().is_empty());
        assert_clean(&device, &ledger);
    }
}

#[test]
fn everything_is_returned_if_all_parts_are_dropped_together() {
    let mut rig = split(builder().manual());
    put_everything_in_flight(&mut rig);
    let Rig { handles, device, ledger, .. } = rig;
    drop(handles);
    assert_all_returned(&device, &ledger);
}

/// Each subset of the handles is dropped before the balloon, and the others after it.
#[test]
fn everything_is_returned_if_all_handles_are_dropped_before_the_balloon() {
    for before in 0..8 {
        let mut rig = split(builder().manual());
        put_everything_in_flight(&mut rig);
        let Rig { handles, device, ledger, .. } = rig;
        let Handles { balloon, statistics, reporting, hinting } = handles;
        let (mut statistics, mut reporting, mut hinting) = (Some(statistics), Some(reporting), Some(hinting));
        let allocated = ledger.allocated_frames().len();
        if before & 1 != 0 {
            drop(statistics.take());
        }
        if before & 2 != 0 {
            drop(reporting.take());
        }
        if before & 4 != 0 {
            drop(hinting.take());
        }
        assert_eq!(ledger.allocated_frames().len(), allocated, "the device still has the blocks");
        drop(balloon);
        assert!(ledger.allocated_frames().is_empty(), "{before:03b}: frames and blocks are returned");
        assert_clean(&device, &ledger);
        if before == 7 {
            assert_all_returned(&device, &ledger);
        } else {
            assert_eq!(ledger.allocated_private(), 1, "{before:03b}: a handle exists");
        }
    }
}

/// Dropping does not wait: a device that has not finished its reset keeps everything.
#[test]
fn dropping_a_split_balloon_whose_device_does_not_reset_returns_nothing() {
    for with_handles in [false, true] {
        let mut rig = split(builder().manual());
        put_everything_in_flight(&mut rig);
        let Rig { handles, device, ledger, mut kernel } = rig;
        let Handles { balloon, statistics, reporting, hinting } = handles;
        let mut handles = Some((statistics, reporting, hinting)).filter(|_| with_handles);
        let before = (ledger.allocated_frames(), ledger.allocated_dma());
        device.inject(RegisterFault::SlowReset(u32::MAX));
        drop(balloon);
        assert_eq!(
            (ledger.allocated_frames(), ledger.allocated_dma(), ledger.allocated_private()),
            (before.0, before.1, 1)
        );
        if let Some((statistics, reporting, hinting)) = &mut handles {
            assert_eq!(statistics.service(&mut kernel), Err(RESETTING));
            assert_eq!(reporting.service(&mut kernel), Err(RESETTING));
            assert_eq!(hinting.service(&mut kernel, InterruptStatus::ANY), Err(RESETTING));
        }
        assert_clean(&device, &ledger);
    }
}

/// The balloon is dropped while two other threads pass blocks to the device.
#[test]
fn no_block_is_lost_if_the_balloon_is_dropped_while_handles_are_in_use() {
    for round in 0..20 {
        let Rig { handles, device, ledger, kernel } = split(builder().threaded());
        let Handles { mut balloon, mut reporting, mut hinting, statistics } = handles;
        device.set_target(1000);
        let _ = device.start_hinting();
        let (mut for_reports, mut for_hints) = (kernel.share(), kernel.share());
        let reports = thread::spawn(move || {
            loop {
                if let Err(error) = reporting.service(&mut for_reports) {
                    return error;
                }
            }
        });
        let hints = thread::spawn(move || {
            loop {
                if let Err(error) = hinting.service(&mut for_hints, InterruptStatus::ANY) {
                    return error;
                }
            }
        });
        for _ in 0..round {
            let _ = balloon.service().unwrap();
        }
        drop(balloon);
        for error in [reports.join().unwrap(), hints.join().unwrap()] {
            assert!(error == RESETTING || error == NOT_LIVE, "{error:?}");
        }
        drop(statistics);
        assert!(ledger.allocated_frames().is_empty(), "every frame and block is returned");
        assert_eq!(ledger.violations(), [], "the driver broke rules of the kernel");
    }
}

/// The same with block inflation. Every block is unmapped before it goes back.
#[test]
fn no_block_of_the_balloon_is_lost_if_it_is_dropped_while_the_handle_acknowledges_blocks() {
    declare! { struct Blocks { PageReporting: Required, BlockInflation: Required, AccessPlatform: Required } }
    let offered = features::PAGE_REPORTING | features::ACCESS_PLATFORM | features::VERSION_1;
    for round in 0..24 {
        let builder = BalloonDevice::builder().memory(16 << 20).features(offered).block_inflation().threaded();
        let options = Options::new(Blocks).report_block(64 << 10);
        let (mut balloon, device, ledger, kernel) = start(builder, options);
        device.set_target(1000);
        let _ = balloon.service().unwrap();
        let Handles { mut balloon, mut reporting, .. } = balloon.split();
        let mut for_reports = kernel.share();
        let reports = thread::spawn(move || {
            loop {
                if let Err(error) = reporting.service(&mut for_reports) {
                    return error;
                }
            }
        });
        for step in 0..round {
            device.set_target(if step % 2 == 0 { 0 } else { 1000 });
            let _ = balloon.service().unwrap();
            thread::yield_now();
        }
        drop(balloon);
        let error = reports.join().unwrap();
        assert!(error == RESETTING || error == NOT_LIVE, "{error:?}");
        assert!(ledger.allocated_frames().is_empty(), "every frame and block is returned");
        assert_eq!(ledger.violations(), [], "the driver broke rules of the kernel");
    }
}
