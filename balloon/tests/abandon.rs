//! Abandoning a balloon: the device is reset in place, and the balloon can only be frozen, removed or dropped.

mod common;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::transport::{DeviceError, InterruptStatus, SetupError};
use aerostat_balloon::{
    BalloonError, FrameRun, Frames, LiveState, Options, Pages, Size4KiB, Step, features as declare,
};
use aerostat_device::{BalloonDevice, Builder, Ledger, RegisterFault, features};
use common::{Live, assert_all_returned, assert_clean, assert_reset, no_wait, settle, spin, start};

declare! {
    struct AllRequired {
        MustTellHost: Required,
        StatsVq: Required,
        DeflateOnOom: Required,
        FreePageHint: Required,
        PageReporting: Required,
    }
}
declare! {
    struct AllOptional {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PageReporting: Optional,
    }
}

const NOT_LIVE: BalloonError = BalloonError::NotLive;
/// The reset is not finished: the status still reads ACKNOWLEDGE.
const UNFINISHED: BalloonError = BalloonError::Reset(SetupError::ResetUnfinished { status: 1 });
const ALL: u64 = features::MUST_TELL_HOST
    | features::STATS_VQ
    | features::DEFLATE_ON_OOM
    | features::FREE_PAGE_HINT
    | features::PAGE_REPORTING;

fn builder() -> Builder {
    BalloonDevice::builder().memory(16 << 20).features(ALL | features::VERSION_1)
}

/// Returns a balloon of 300 frames whose device has a deflate array and blocks of reporting and hinting.
fn in_use() -> (Live<Size4KiB, AllRequired>, BalloonDevice, Ledger) {
    let (mut balloon, device, ledger) = start(builder().manual(), Options::new(AllRequired));
    device.set_target(300);
    while balloon.service().unwrap() == Step::Waiting {
        device.step();
    }
    device.set_target(200);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(balloon.service_reporting(), Ok(Progress::Waiting));
    let _ = device.start_hinting();
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(Progress::Waiting));
    device.set_target(300);
    assert!(ledger.allocated_frames().len() > 1000);
    (balloon, device, ledger)
}

/// Asserts that the operations of every feature set return `error`, and that no frame moves and the device is not accessed.
fn assert_unusable<S>(balloon: &mut aerostat_balloon::Balloon<S>, error: BalloonError, device: &BalloonDevice)
where
    S: LiveState,
{
    let before = device.events();
    // SAFETY: the frame is only a number: the balloon rejects it.
    let run = || unsafe { FrameRun::from_raw(1000, 1) };
    for _ in 0..2 {
        assert_eq!(balloon.service(), Err(error));
        assert_eq!(balloon.drain(), Err(error));
        assert_eq!(balloon.inflate(1).and_then(|inflation| inflation.wait(&mut no_wait)), Err(error));
        assert_eq!(balloon.deflate(1).and_then(|pending| pending.tell_host().wait(&mut no_wait)), Err(error));
        let rejected = balloon.inflate_with(run()).unwrap_err();
        assert_eq!(
            (rejected.error, rejected.run.as_ref().unwrap().first(), rejected.run.as_ref().unwrap().count()),
            (error, 1000, 1)
        );
        let rejected = balloon.migrate(300, run()).map(drop).unwrap_err();
        assert_eq!(
            (rejected.error, rejected.run.as_ref().unwrap().first(), rejected.run.as_ref().unwrap().count()),
            (error, 1000, 1)
        );
    }
    assert_eq!(device.events(), before, "the device is not accessed");
}

#[test]
fn an_abandoned_balloon_returns_everything_but_private_memory_and_is_not_live() {
    let (mut balloon, device, ledger) = in_use();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    assert_reset(&device, &ledger);
    assert_eq!((device.status(), ledger.allocated_private()), (0, 1));
    assert_eq!(balloon.size(), Pages(0));

    assert_unusable(&mut balloon, NOT_LIVE, &device);
    assert_eq!(balloon.service_statistics(), Err(NOT_LIVE));
    assert_eq!(balloon.service_reporting(), Err(NOT_LIVE));
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Err(NOT_LIVE));
    let pending = balloon.deflate_on_oom();
    assert_eq!(pending.frames(), 0);
    assert_eq!(pending.tell_host().wait(&mut no_wait), Err(NOT_LIVE));
    assert_eq!(balloon.target(), Err(NOT_LIVE));
    assert!(balloon.accepted().is_none());
    let numbers = balloon.queue_numbers();
    assert!(numbers.inflate.is_none() && numbers.statistics.is_none() && numbers.reporting.is_none());
    assert_reset(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// `Ok(None)` means that an optional feature was not negotiated, not that the device is not live.
#[test]
fn optional_features_of_an_abandoned_balloon_are_errors_too() {
    let (mut balloon, device, ledger) = start(builder().inline(), Options::new(AllOptional));
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    assert_eq!(balloon.service_statistics(), Err(NOT_LIVE));
    assert_eq!(balloon.service_reporting(), Err(NOT_LIVE));
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Err(NOT_LIVE));
    assert!(balloon.deflate_on_oom().is_none());
    assert_unusable(&mut balloon, NOT_LIVE, &device);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn abandoning_twice_does_nothing_the_second_time() {
    let (mut balloon, device, ledger) = in_use();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    let events = device.events();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    assert_eq!(device.events(), events, "the device is not accessed");
    assert_reset(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn freezing_an_abandoned_balloon_only_changes_its_state() {
    let (mut balloon, device, ledger) = in_use();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    let events = device.events();
    let frozen = balloon.freeze(&mut no_wait).map_err(|live| live.error).unwrap();
    assert_eq!(device.events(), events, "the device is not accessed");
    assert_reset(&device, &ledger);
    ledger.set_statistics([(4, 1)]);
    let mut balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    for _ in 0..100 {
        let _ = balloon.service().unwrap();
        device.step();
    }
    assert_eq!((balloon.service(), balloon.size(), device.actual()), (Ok(Step::OnTarget), Pages(300), 300));
    while balloon.service_reporting().unwrap() == Progress::Waiting {
        device.step();
    }
    assert!(ledger.reported_frames() > 0, "reporting works after the restore");
    let _ = balloon.remove(&mut device.work_at_most(100)).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn an_abandoned_balloon_can_be_removed() {
    let (mut balloon, device, ledger) = in_use();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    let (_transport, _platform) = balloon.remove(&mut no_wait).map_err(|live| live.error).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn an_abandoned_balloon_can_be_split_and_joined() {
    let (mut balloon, device, ledger) = in_use();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    let mut kernel = balloon.platform().share();
    let mut handles = balloon.split();
    assert_eq!(handles.statistics.service(&mut kernel), Err(NOT_LIVE));
    assert_eq!(handles.reporting.service(&mut kernel), Err(NOT_LIVE));
    assert_eq!(handles.hinting.service(&mut kernel, InterruptStatus::ANY), Err(NOT_LIVE));
    assert_unusable(&mut handles.balloon, NOT_LIVE, &device);
    let frozen = handles.join().unwrap().freeze(&mut no_wait).map_err(|live| live.error).unwrap();
    assert!(frozen.restore(&mut crate::common::polls()).is_ok());
    assert_all_returned(&device, &ledger);
}

/// cleanup.2: memory is returned after a finished reset, and not before.
/// The handles had queues and blocks when the device was reset. The balloon is still there.
#[test]
fn joining_an_abandoned_balloon_returns_what_its_handles_had() {
    let (balloon, device, ledger) = in_use();
    let mut handles = balloon.split();
    handles.balloon.abandon(&mut spin()).unwrap();
    assert!(!ledger.all_returned_except_private());
    let balloon = handles.join().unwrap();
    assert_reset(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn abandon_can_be_repeated_if_the_device_does_not_finish_its_reset() {
    let (mut balloon, device, ledger) = in_use();
    let before = (ledger.allocated_frames(), ledger.allocated_dma());
    device.inject(RegisterFault::SlowReset(u32::MAX));
    for _ in 0..3 {
        assert_eq!(balloon.abandon(&mut crate::common::polls()), Err(UNFINISHED));
        assert_eq!((ledger.allocated_frames(), ledger.allocated_dma()), before, "the device may still use everything");
        // The balloon does not use the device meanwhile.
        let resetting = BalloonError::Device(DeviceError::Resetting);
        assert!(balloon.service().is_err());
        assert_eq!(balloon.service_statistics(), Err(resetting));
        assert_eq!(balloon.service_reporting(), Err(resetting));
        assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Err(resetting));
        assert!(balloon.inflate(1).and_then(|inflation| inflation.wait(&mut no_wait)).is_err());
        assert_clean(&device, &ledger);
    }
    device.clear_faults();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    assert_reset(&device, &ledger);
    let mut balloon =
        balloon.freeze(&mut no_wait).map_err(|live| live.error).unwrap().restore(&mut crate::common::polls()).unwrap();
    assert!(balloon.service().is_ok());
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_balloon_whose_reset_is_not_finished_cannot_be_frozen() {
    let (mut balloon, device, ledger) = in_use();
    device.inject(RegisterFault::SlowReset(u32::MAX));
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Err(UNFINISHED));
    let before = (ledger.allocated_frames(), ledger.allocated_dma());
    let live = balloon.freeze(&mut no_wait).unwrap_err();
    assert_eq!((ledger.allocated_frames(), ledger.allocated_dma()), before, "{}", live.error);
    let mut balloon = live.balloon;
    device.clear_faults();
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    assert!(balloon.freeze(&mut no_wait).is_ok());
    assert_all_returned(&device, &ledger);
}

/// A balloon that is dropped after a reset that was not finished tries once more, without waiting.
#[test]
fn dropping_a_balloon_whose_reset_is_not_finished_tries_again() {
    for is_finished in [false, true] {
        let (mut balloon, device, ledger) = in_use();
        let before = (ledger.allocated_frames(), ledger.allocated_dma());
        device.inject(RegisterFault::SlowReset(u32::MAX));
        assert_eq!(balloon.abandon(&mut crate::common::polls()), Err(UNFINISHED));
        if is_finished {
            device.clear_faults();
        }
        drop(balloon);
        if is_finished {
            assert_all_returned(&device, &ledger);
        } else {
            assert_eq!(
                (ledger.allocated_frames(), ledger.allocated_dma(), ledger.allocated_private()),
                (before.0, before.1, 1)
            );
        }
    }
}

#[test]
fn a_balloon_can_be_abandoned_after_a_protocol_violation() {
    let (mut balloon, device, ledger) = start(builder().inline(), Options::new(AllRequired));
    device.set_target(100);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    device.set_needs_reset();
    let needs_reset = BalloonError::Device(DeviceError::NeedsReset);
    assert_eq!(balloon.service(), Err(needs_reset));
    assert!(balloon.platform().range().contains(&300));
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Ok(()));
    assert_unusable(&mut balloon, NOT_LIVE, &device);
    let mut balloon =
        balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap().restore(&mut crate::common::polls()).unwrap();
    assert_eq!((settle(&mut balloon), device.actual()), (Step::OnTarget, 100));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}
