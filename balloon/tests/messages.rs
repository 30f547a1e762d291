//! What the driver writes to the log of the kernel.
#![cfg(feature = "log")]

mod common;

use std::cell::RefCell;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{Balloon, BalloonFeatureSet, LiveState, Options, Platform, Size4KiB, Step, features as declare};
use aerostat_device::{BalloonDevice, Ledger, RegisterFault, TestPlatform, features};
use common::kernel::Kernel;
use common::{Live, no_wait, polls, probe, settle};
use log::{LevelFilter, Log, Metadata, Record};

declare! { struct OnOom { DeflateOnOom: Required } }
declare! { struct Handled { StatsVq: Required, FreePageHint: Required, PageReporting: Required } }
declare! { struct Reports { PageReporting: Required } }

thread_local! {
    static MESSAGES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        MESSAGES.with_borrow_mut(|messages| messages.push(format!("{} {}", record.level(), record.args())));
    }

    fn flush(&self) {}
}

/// Asserts that the messages since the last call contain these, each once and in this order, and no other error.
fn assert_logged(expected: &[&str]) {
    let messages = MESSAGES.take();
    let is_expected = |message: &str| expected.iter().any(|text| message.contains(text));
    let found: Vec<&String> =
        messages.iter().filter(|message| message.starts_with("ERROR") || is_expected(message)).collect();
    let all = found.len() == expected.len() && found.iter().zip(expected).all(|(message, text)| message.contains(text));
    assert!(all, "{expected:#?} in {messages:#?}");
}

fn start<F: BalloonFeatureSet>(offered: u64, options: Options<F>) -> (Live<Size4KiB, F>, BalloonDevice, Ledger)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Trace);
    let device = BalloonDevice::builder().features(offered | features::VERSION_1).inline().start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1 << 20)]);
    (probe(&device, platform, options), device, ledger)
}

/// A balloon of 100 pages.
fn inflated() -> (Live<Size4KiB, OnOom>, BalloonDevice, Ledger) {
    let (mut balloon, device, ledger) = start(features::DEFLATE_ON_OOM, Options::new(OnOom));
    device.set_target(100);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    MESSAGES.take();
    (balloon, device, ledger)
}

fn fails_three_times<B: LiveState, R>(balloon: &mut Balloon<B>, call: impl Fn(&mut Balloon<B>) -> Option<R>) {
    for _ in 0..3 {
        assert!(call(balloon).is_some(), "the call does not fail");
    }
}

#[test]
fn the_log_has_what_an_administrator_looks_for() {
    let (mut balloon, device, ledger) = start(features::DEFLATE_ON_OOM, Options::new(OnOom));
    assert_logged(&["INFO balloon: probed MMIO, modern; features 0x4 DEFLATE_ON_OOM; queues: inflate 0, deflate 1"]);
    device.set_target(1000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_logged(&["INFO balloon: the first target is 1000 pages"]);
    device.set_target(1001);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_logged(&["DEBUG balloon: the target is 1001 pages"]);
    let _ = balloon.deflate_on_oom().tell_host().wait(&mut polls()).unwrap();
    assert_logged(&["INFO balloon: deflating by 256 frames"]);
    ledger.limit_frames(Some(0));
    let Ok(Step::Paused(pause)) = balloon.service() else { panic!("the balloon does not pause") };
    for _ in 0..3 {
        let _ = balloon.retry(pause).unwrap();
    }
    assert_logged(&["INFO balloon: out of frames at 745 of 1001 frames"]);
    device.host_reset();
    fails_three_times(&mut balloon, |balloon| balloon.service().err());
    fails_three_times(&mut balloon, |balloon| balloon.inflate(1).err().map(drop));
    assert_logged(&["ERROR balloon: the device was reset by the host"]);
    let frozen = balloon.reset(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_logged(&["INFO balloon: the device is reset", "INFO balloon: 745 frames go back"]);
    drop(frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap());
    assert_logged(&["INFO balloon: probed"]);
}

#[test]
fn a_failed_probe_is_logged_once() {
    let (balloon, device, _ledger) = inflated();
    let mut frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    MESSAGES.take();
    device.inject(RegisterFault::SlowReset(u32::MAX));
    for _ in 0..3 {
        frozen = frozen.restore(&mut no_wait).unwrap_err().balloon;
    }
    assert_logged(&["ERROR balloon: failed to probe the device: the device has not finished its reset"]);
    device.remove();
    for _ in 0..3 {
        frozen = frozen.restore(&mut no_wait).unwrap_err().balloon;
    }
    assert_logged(&["ERROR balloon: failed to probe the device: the device is gone"]);
}

/// A probe that failed is logged again if it fails after one that succeeded.
#[test]
fn a_probe_that_fails_again_is_logged_again() {
    let (balloon, device, _ledger) = inflated();
    let mut frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    for _ in 0..2 {
        MESSAGES.take();
        device.inject(RegisterFault::SlowReset(u32::MAX));
        frozen = frozen.restore(&mut no_wait).unwrap_err().balloon;
        assert_logged(&["ERROR balloon: failed to probe the device"]);
        device.clear_faults();
        let balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    }
}

#[test]
fn a_failed_reset_is_logged_once() {
    let (mut balloon, device, _ledger) = inflated();
    device.inject(RegisterFault::RefusesReset);
    for _ in 0..3 {
        assert!(balloon.poll_abandon().unwrap().is_pending());
    }
    assert_logged(&[]);
    fails_three_times(&mut balloon, |balloon| balloon.abandon(&mut no_wait).err());
    fails_three_times(&mut balloon, |balloon| balloon.service().err());
    assert_logged(&["ERROR balloon: the device has not finished its reset"]);
    drop(balloon);
    assert_logged(&["ERROR balloon: dropped, and what the device may still use is leaked"]);
}

#[test]
fn a_device_that_is_gone_is_logged_once() {
    let (mut balloon, device, _ledger) = inflated();
    device.remove();
    fails_three_times(&mut balloon, |balloon| balloon.service().err());
    fails_three_times(&mut balloon, |balloon| balloon.abandon(&mut no_wait).err());
    fails_three_times(&mut balloon, |balloon| balloon.poll_abandon().err());
    assert_logged(&["ERROR balloon: the device is gone"]);
    // SAFETY: the device of this test was removed.
    unsafe { balloon.assume_gone() }.unwrap();
    assert_logged(&["WARN balloon: the device cannot access memory any more", "INFO balloon: 100 frames go back"]);
}

#[test]
fn errors_of_the_handles_are_logged_once() {
    const ANY: InterruptStatus = InterruptStatus::ANY;
    let offered = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
    let (balloon, device, _ledger) = start(offered, Options::new(Handled));
    assert_logged(&[
        "features 0x2a STATS_VQ FREE_PAGE_HINT PAGE_REPORTING; queues: inflate 0, deflate 1, statistics 2, ",
    ]);
    let mut kernel = balloon.platform().share();
    let mut parts = balloon.split();
    device.host_reset();
    for _ in 0..3 {
        assert!(parts.statistics.service(&mut kernel).is_err());
        assert!(parts.reporting.service(&mut kernel).is_err());
        assert!(parts.hinting.service(&mut kernel, ANY).is_err());
        assert!(parts.hinting.reclaim_hinted(&mut kernel, 1).is_err());
    }
    assert_logged(&[
        "ERROR balloon: statistics: the device was reset",
        "ERROR balloon: reporting: the device was reset",
        "ERROR balloon: hinting: the device was reset",
    ]);
    parts.balloon.abandon(&mut polls()).unwrap();
    MESSAGES.take();
    assert!(parts.statistics.service(&mut kernel).is_err());
    assert!(parts.reporting.service(&mut kernel).is_err());
    assert!(parts.hinting.service(&mut kernel, ANY).is_err());
    // The kernel has abandoned the balloon itself.
    assert_logged(&[]);
    let Ok(mut balloon) = parts.join() else { panic!("a handle is missing") };
    assert!(balloon.service_statistics().is_err() && balloon.service().is_err());
    assert_logged(&[]);
}

#[test]
fn a_device_that_does_not_answer_is_logged_once() {
    let (mut balloon, device, _ledger) = inflated();
    device.pause();
    for _ in 0..3 {
        balloon = balloon.freeze(&mut no_wait).unwrap_err().balloon;
    }
    assert_logged(&["ERROR balloon: queue 1: the device has not answered in time"]);
}

/// The debug output may be part of a message, and a logger may hold a lock while it formats one.
#[test]
fn the_debug_output_logs_nothing() {
    let (balloon, device, _ledger) = inflated();
    device.remove();
    assert!(format!("{balloon:?}").contains("Gone"));
    assert_logged(&[]);
    assert!(balloon.target().is_err());
    assert_logged(&["ERROR balloon: the device is gone"]);
}

/// The status is good, and the target cannot be read.
#[test]
fn an_error_of_the_configuration_is_logged_once() {
    let (mut balloon, device, _ledger) = inflated();
    device.inject(RegisterFault::GenerationAlwaysChanges);
    fails_three_times(&mut balloon, |balloon| balloon.service().err());
    fails_three_times(&mut balloon, |balloon| balloon.deflate(1).err().map(drop));
    assert_logged(&["ERROR balloon: failed to read the field `num_pages`"]);
}

/// The kernel has only memory that the balloon does not know.
#[test]
fn rejected_blocks_are_logged_once() {
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Trace);
    let offered = features::PAGE_REPORTING | features::VERSION_1;
    let device = BalloonDevice::builder().features(offered).inline().start().unwrap();
    let mut kernel = Kernel::new(TestPlatform::of(&device).unwrap());
    let end = kernel.range.end;
    kernel.range = end..end + 1000;
    let mut balloon = probe(&device, kernel, Options::new(Reports));
    MESSAGES.take();
    for _ in 0..3 {
        assert_eq!(balloon.service_reporting(), Ok(Progress::Idle));
    }
    let messages = MESSAGES.take();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages[0].starts_with("WARN balloon: rejected frames of the kernel: frame"), "{messages:#?}");
}
