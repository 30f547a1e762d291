//! The counted program. `count facts` prints metrics as JSON. `count split|packed|virtio-drivers runs|scattered` inflates and
//! deflates a balloon once, for callgrind. `count blocks|arrays every-second|every` does so in fragmented memory, with block inflation
//! and without it.

use std::env;
use std::process::ExitCode;

use aerostat_benches::{Config, Format, Fragmented, Fragments, FrameOrder, Ours, Peer, facts};

/// Number of inflated and deflated pages: 256 MiB. The caller divides the counts by it.
const PAGES: u32 = 65536;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (driver, order) = match arguments[..] {
        [driver, "every-second"] => return fragmented(driver, Fragments::EverySecond),
        [driver, "every"] => return fragmented(driver, Fragments::Every),
        ["facts"] => {
            println!("{}", serde_json::to_string(&facts()).expect("numbers can be serialized"));
            return ExitCode::SUCCESS;
        }
        [driver, "runs"] => (driver, FrameOrder::Runs),
        [driver, "scattered"] => (driver, FrameOrder::Scattered),
        _ => return usage(),
    };
    match driver {
        "split" => ours(Format::Split, order),
        "packed" => ours(Format::Packed, order),
        "virtio-drivers" => {
            let mut peer = Peer::new(order, PAGES);
            peer.inflate(PAGES);
            peer.deflate();
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn ours(format: Format, order: FrameOrder) {
    let mut ours: Ours = Ours::new(Config { format, max_in_flight: 16, order }, PAGES);
    ours.inflate(PAGES);
    ours.deflate();
}

/// Inflates and deflates once in fragmented memory of as many pages, less those in use.
fn fragmented(driver: &str, fragments: Fragments) -> ExitCode {
    const BLOCKS: u32 = PAGES / 512;
    match driver {
        "blocks" => {
            let mut balloon = Fragmented::with_blocks(BLOCKS, fragments);
            balloon.inflate();
            balloon.deflate();
        }
        "arrays" => {
            let mut balloon = Fragmented::with_arrays(BLOCKS, fragments);
            balloon.inflate();
            balloon.deflate();
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: count facts | count split|packed|virtio-drivers runs|scattered | count blocks|arrays every-second|every"
    );
    ExitCode::FAILURE
}
