//! Each feature has one level.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, Frames, MustTellHost, features};

fn twice<T: Transport, P: Dma + Frames>(transport: T, platform: P) {
    let _ = Balloon::new(transport, platform).require(MustTellHost).want(MustTellHost).probe();
}

type Twice = features! { MustTellHost: Required, MustTellHost: Optional };

fn named(_: Twice) {}

fn main() {}
