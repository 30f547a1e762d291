//! Probes or restores the balloon.
//!
//! * inflate_before_probe: `probe` makes an unprobed balloon live, `restore` a frozen one
//! * inflate_when_frozen: `probe` makes an unprobed balloon live, `restore` a frozen one

use aerostat_balloon::transport::{Transport, Wait};
use aerostat_balloon::{Balloon, NoFeatures, Options, Platform};

fn follow<T: Transport, P: Platform<NoFeatures>>(transport: T, platform: P, mut wait: impl Wait) -> Option<()> {
    let balloon = Balloon::new(transport, platform, Options::new(NoFeatures)).ok()?;
    let mut balloon = balloon.probe(&mut wait).ok()?;
    let _ = balloon.inflate(100);
    let frozen = balloon.freeze(&mut wait).ok()?;
    let mut balloon = frozen.restore(&mut wait).ok()?;
    let _ = balloon.inflate(100);
    Some(())
}

fn main() {}
