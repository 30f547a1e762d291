//! An unprobed balloon has no queues.

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, NoFeatures, Options, Platform};
use aerostat_balloon::error::NewFailed;

fn too_early<T: Transport, P: Platform<NoFeatures>>(transport: T, platform: P) -> Result<(), NewFailed<T, P>> {
    let mut balloon = Balloon::new(transport, platform, Options::new(NoFeatures))?;
    balloon.inflate(100);
    balloon.service();
    Ok(())
}

fn main() {}
