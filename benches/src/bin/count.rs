//! The counted program. `count facts` prints metrics as JSON. `count split|packed|virtio-drivers runs|scattered` inflates and
//! deflates a balloon once, for callgrind.

use std::env;
use std::process::ExitCode;

use aerostat_benches::{Config, Format, FrameOrder, Ours, Peer, facts};

/// Number of inflated and deflated pages: 256 MiB. The caller divides the counts by it.
const PAGES: u32 = 65536;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (driver, order) = match arguments[..] {
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

fn usage() -> ExitCode {
    eprintln!("usage: count facts | count split|packed|virtio-drivers runs|scattered");
    ExitCode::FAILURE
}
