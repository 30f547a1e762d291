//! Block inflation needs free page reporting to be declared, and `BlockFrames` of the kernel.

use aerostat_balloon::platform::{BlockFrames, ReportFrames};
use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, Options, features};

features! { struct Blocks { BlockInflation: Optional } }

fn start<T: Transport, P>(transport: T, platform: P)
where
    P: aerostat_balloon::Frames + aerostat_balloon::transport::Dma + ReportFrames + BlockFrames,
{
    let _ = Balloon::new(transport, platform, Options::new(Blocks));
}

fn main() {}
