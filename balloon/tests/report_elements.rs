//! The size of reports.

mod common;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::{Options, Size4KiB, features};
use aerostat_device::features as offered;
use aerostat_device::{BalloonDevice, Event, TestPlatform};
use common::{assert_all_returned, probe, spin};

features! { struct Reporting { PageReporting: Required } }

// conformance: ring.split.framing.2
#[test]
fn a_report_has_at_most_16_blocks() {
    let builder = BalloonDevice::builder().features(offered::PAGE_REPORTING | offered::VERSION_1).inline();
    let device = builder.start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = probe(&device, platform, Options::new(Reporting).report_block(64 << 10));
    while balloon.service_reporting().unwrap() == Progress::Waiting {}
    let pages = |event| match event {
        Event::Reported { runs } => Some(runs.iter().map(|run| run.end - run.start).sum()),
        _ => None,
    };
    let reports: Vec<u64> = device.events().into_iter().filter_map(pages).collect();
    assert!(reports.len() > 10 && reports.iter().max() == Some(&(16 * 16)), "{reports:?}");
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}
