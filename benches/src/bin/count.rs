//! What is counted: `count facts` prints numbers as JSON, `count split|packed|virtio-drivers runs|scattered` inflates and
//! deflates a balloon once, to be run under callgrind.

use std::env;
use std::process::ExitCode;

use aerostat_benches::{Format, Lie, Ours, Peer, Setting, facts};

/// Pages that go into the balloon and out of it: 256 MiB. Whoever runs this divides by it.
const PAGES: u32 = 65536;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (driver, lie) = match words[..] {
        ["facts"] => {
            println!("{}", serde_json::to_string(&facts()).expect("numbers can be written"));
            return ExitCode::SUCCESS;
        }
        [driver, "runs"] => (driver, Lie::Runs),
        [driver, "scattered"] => (driver, Lie::Scattered),
        _ => return usage(),
    };
    match driver {
        "split" => ours(Format::Split, lie),
        "packed" => ours(Format::Packed, lie),
        "virtio-drivers" => {
            let mut peer = Peer::new(lie, PAGES);
            peer.inflate(PAGES);
            peer.deflate();
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn ours(format: Format, lie: Lie) {
    let mut ours: Ours = Ours::new(Setting { format, depth: 16, lie }, PAGES);
    ours.inflate(PAGES);
    ours.deflate();
}

fn usage() -> ExitCode {
    eprintln!("usage: count facts | count split|packed|virtio-drivers runs|scattered");
    ExitCode::FAILURE
}
