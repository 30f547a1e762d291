//! Removes the feature from the feature set.
//!
//! * platform_without_the_trait_of_a_feature: remove `StatsVq` from the feature set
//! * platform_without_the_trait_of_a_feature: remove `PagePoison` from the feature set
//! * platform_without_the_trait_of_a_feature: remove `PageReporting` from the feature set
//! * platform_without_the_trait_of_a_feature: remove `FreePageHint` from the feature set
//! * release_early_with_must_tell_host: remove `MustTellHost` from the feature set

use aerostat_balloon::transport::{Dma, Transport};
use aerostat_balloon::{Balloon, BalloonError, Frames, Options, Platform, Ready, features};

features! {
    struct Declared { DeflateOnOom: Optional }
}

fn create<T: Transport, P: Dma + Frames>(transport: T, platform: P) {
    let _ = Balloon::new(transport, platform, Options::new(Declared));
}

fn release<T: Transport, P: Platform<Declared>>(
    balloon: &mut Balloon<Ready<T, P, Declared>>,
) -> Result<u32, BalloonError> {
    balloon.deflate(100)?.release_early()
}

fn main() {}
