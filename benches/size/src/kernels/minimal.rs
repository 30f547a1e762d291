//! A kernel that uses MUST_TELL_HOST and nothing else.

mod shared;

use aerostat_balloon::features;
use aerostat_balloon::transport::{InterruptSource, Spin};

use self::shared::balloon;

features! {
    /// One feature.
    struct Declared { MustTellHost: Optional }
}

#[unsafe(no_mangle)]
extern "C" fn interrupt() {
    if let Some(balloon) = balloon() {
        balloon.interrupt().acknowledge();
    }
}

#[unsafe(no_mangle)]
extern "C" fn work() -> bool {
    let Some(balloon) = balloon() else { return false };
    balloon.service().is_ok() || balloon.abandon(&mut Spin::default()).is_ok()
}
