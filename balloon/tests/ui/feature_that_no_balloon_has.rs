//! What the driver does not implement cannot be declared, and neither can what is no feature at all.

use aerostat_balloon::spec::reserved::feature::SrIov;
use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, Frames};

fn unsupported<T: Transport, P: Dma + Frames>(transport: T, platform: P) {
    let _ = Balloon::new(transport, platform).want(SrIov).probe();
}

fn nonsense<T: Transport, P: Dma + Frames>(transport: T, platform: P) {
    let _ = Balloon::new(transport, platform).require("MUST_TELL_HOST").probe();
}

fn main() {}
