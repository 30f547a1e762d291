//! What is run under callgrind.

use std::env;

use aerostat_benches::{Format, Lie, Ours, Peer, Setting};

const PAGES: u32 = 65536;

fn main() {
    let words: Vec<String> = env::args().collect();
    let lie = if words[2] == "runs" { Lie::Runs } else { Lie::Scattered };
    let format = if words[1] == "packed" { Format::Packed } else { Format::Split };
    if words[1] == "peer" {
        let mut peer = Peer::new(lie, PAGES);
        peer.inflate(PAGES);
        peer.deflate();
        println!("{:?}", peer.device().traffic());
    } else {
        let mut ours: Ours = Ours::new(Setting { format, depth: 16, lie }, PAGES);
        ours.inflate(PAGES);
        ours.deflate();
        println!("{:?}", ours.device.traffic());
    }
}
