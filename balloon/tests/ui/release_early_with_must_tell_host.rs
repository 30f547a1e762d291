//! If MUST_TELL_HOST may have been negotiated, the host is notified first.
// conformance: balloon.op.9
use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonError, Platform, Ready, features};

features! {
    struct RequiredFeature { MustTellHost: Required }
}
features! {
    struct OptionalFeature { MustTellHost: Optional }
}

fn required<T: Transport, P: Platform<RequiredFeature>>(
    balloon: &mut Balloon<Ready<T, P, RequiredFeature>>,
) -> Result<u32, BalloonError> {
    balloon.deflate(100)?.release_early()
}

fn optional<T: Transport, P: Platform<OptionalFeature>>(
    balloon: &mut Balloon<Ready<T, P, OptionalFeature>>,
) -> Result<u32, BalloonError> {
    balloon.deflate(100)?.release_early()
}

fn main() {}
