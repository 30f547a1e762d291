//! A platform without frames: the message says what there is to implement.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, MustTellHost};

fn no_frames<T: Transport, P: Dma>(transport: T, platform: P) {
    let _ = Balloon::new(transport, platform).require(MustTellHost).probe();
}

fn main() {}
