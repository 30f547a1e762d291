//! Block inflation: whole free blocks enter the balloon through the reporting queue, and leave it without a message.

#[path = "../common/mod.rs"]
mod common;
mod contexts;
mod deflation;
mod ends;
mod fallbacks;
mod reports;
mod runs;
mod splits;
mod steps;
mod targets;

use aerostat_balloon::{BalloonFeatureSet, FrameSize, Options, Pages, Size4KiB, features};
use aerostat_device::{BalloonDevice, Builder, Event, Ledger, TestPlatform, features as offered};
use common::{Live, start};

features! { struct Blocks { PageReporting: Required, BlockInflation: Required, DeflateOnOom: Optional } }
features! {
    struct Fallbacks {
        PageReporting: Optional,
        BlockInflation: Optional,
        MustTellHost: Optional,
        PagePoison: Optional,
        AccessPlatform: Optional,
        IndirectDesc: Optional,
        RingPacked: Optional,
    }
}

/// Pages of a block of 2 MiB.
const BLOCK: u32 = 512;

fn builder() -> Builder {
    BalloonDevice::builder().features(offered::PAGE_REPORTING | offered::VERSION_1).block_inflation()
}

fn blocks(builder: Builder) -> (Live<Size4KiB, Blocks>, BalloonDevice, Ledger) {
    start(builder, Options::new(Blocks))
}

/// Lets a device without a thread do all of its work.
fn work(device: &BalloonDevice) {
    while device.step() {}
}

/// Returns the numbers of pages in arrays of the inflate queue, in arrays of the deflate queue, and in reports.
fn messages(device: &BalloonDevice) -> [u64; 3] {
    let mut messages = [0; 3];
    for event in device.events() {
        match event {
            Event::Inflated { pfns } => messages[0] += pfns.len() as u64,
            Event::Deflated { pfns } => messages[1] += pfns.len() as u64,
            Event::Reported { runs } => messages[2] += runs.iter().map(|run| run.end - run.start).sum::<u64>(),
            _ => {}
        }
    }
    messages
}

fn assert_sizes<S: FrameSize, F: BalloonFeatureSet>(
    balloon: &Live<S, F>,
    device: &BalloonDevice,
    ledger: &Ledger,
    pages: u32,
) where
    TestPlatform<S>: aerostat_balloon::Platform<F>,
{
    assert_eq!((balloon.size(), device.actual()), (Pages(pages), pages));
    assert_eq!(ledger.allocated_frames().len() as u32 * S::PAGES, pages);
}
