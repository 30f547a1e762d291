//! What the driver writes to the log of the kernel.
#![cfg(feature = "log")]

mod common;

use std::sync::Mutex;

use aerostat_balloon::{BalloonFeatureSet, Options, Platform, Size4KiB, Step, features as declare};
use aerostat_device::{BalloonDevice, Ledger, TestPlatform, features};
use common::{Live, polls, probe, settle};
use log::{LevelFilter, Log, Metadata, Record};

declare! { struct OnOom { DeflateOnOom: Required } }

static MESSAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl Log for Logger {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        MESSAGES.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

/// Asserts that exactly one message since the last call contains `text`.
fn assert_logged_once(text: &str) {
    let messages = std::mem::take(&mut *MESSAGES.lock().unwrap());
    let count = messages.iter().filter(|message| message.contains(text)).count();
    assert_eq!(count, 1, "`{text}` in {messages:#?}");
}

fn start<F: BalloonFeatureSet>(options: Options<F>) -> (Live<Size4KiB, F>, BalloonDevice, Ledger)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    let offered = features::DEFLATE_ON_OOM | features::VERSION_1;
    let device = BalloonDevice::builder().features(offered).inline().start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    (probe(&device, platform, options), device, ledger)
}

#[test]
fn the_log_has_what_an_administrator_looks_for() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let (mut balloon, device, ledger) = start(Options::new(OnOom));
    assert_logged_once("INFO balloon: probed");
    device.set_target(1000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_logged_once("DEBUG balloon: the target is 1000 pages");
    let _ = balloon.deflate_on_oom().tell_host().wait(&mut polls()).unwrap();
    assert_logged_once("INFO balloon: deflating by 256 frames");
    ledger.limit_frames(Some(0));
    let Ok(Step::Paused(pause)) = balloon.service() else { panic!("the balloon does not pause") };
    for _ in 0..3 {
        let _ = balloon.retry(pause).unwrap();
    }
    assert_logged_once("INFO balloon: out of frames at 744 of 1000 frames");
    device.host_reset();
    for _ in 0..3 {
        assert!(balloon.service().is_err());
    }
    assert_logged_once("ERROR balloon: the device was reset by the host");
    let frozen = balloon.reset(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_logged_once("INFO balloon: the device is reset, 744 frames go back");
    drop(frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap());
    assert_logged_once("INFO balloon: probed");
}
