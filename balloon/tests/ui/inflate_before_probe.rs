//! A device that was not brought to life has no queue to tell of pages.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, Frames, MustTellHost};

fn too_early<T: Transport, P: Dma + Frames>(transport: T, platform: P) {
    let mut balloon = Balloon::new(transport, platform).require(MustTellHost);
    balloon.inflate(100);
    balloon.service();
}

fn main() {}
