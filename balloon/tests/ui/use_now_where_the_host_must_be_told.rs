//! Where MUST_TELL_HOST may have been negotiated, deflated frames come back through `tell_host` only.

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonError, Frames, Ready, features};

type Required = features! { MustTellHost: Required };
type Optional = features! { MustTellHost: Optional };

fn required<T: Transport, P: Dma + Frames>(balloon: &mut Balloon<Ready<T, P, Required>>) -> Result<u32, BalloonError> {
    balloon.deflate(100)?.release_early()
}

fn wanted<T: Transport, P: Dma + Frames>(balloon: &mut Balloon<Ready<T, P, Optional>>) -> Result<u32, BalloonError> {
    balloon.deflate(100)?.release_early()
}

fn main() {}
