//! A platform needs `Frames`.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, NoFeatures, Options};

fn no_frames<T: Transport, P: Dma>(transport: T, platform: P) {
    let _ = Balloon::new(transport, platform, Options::new(NoFeatures));
}

fn main() {}
