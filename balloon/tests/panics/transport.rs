//! Panics of the transport.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aerostat_balloon::{Balloon, BalloonError, Split};

use crate::common::{no_wait, polls};
use crate::operations::operations;
use crate::{Rig, Variant, assert_returned, for_each_panic, rig};

/// A panic of the transport during a reset loses the transport. In any other call it loses nothing.
#[test]
fn a_panic_of_the_transport_is_harmless_or_an_error() {
    let is_reset = |name| matches!(name, "abandon" | "poll_abandon" | "assume_gone");
    for (name, act) in operations() {
        // These access no register, or only one to notify.
        if name == "inflate_with frames of the balloon" {
            continue;
        }
        for_each_panic(
            name,
            Variant::Plain,
            |rig| rig,
            |rig| rig.transport.clone(),
            act,
            |rig, call| {
                let Rig { mut balloon, ledger, .. } = rig;
                let abandoned = balloon.abandon(&mut polls());
                if abandoned == Err(BalloonError::TransportLost) {
                    assert!(is_reset(name), "{name}, access {call}");
                    let before = ledger.allocated_frames();
                    assert_eq!(balloon.power_off(&mut polls()), Err(BalloonError::TransportLost));
                    assert_eq!(ledger.allocated_frames(), before);
                    return;
                }
                assert_eq!(abandoned, Ok(()));
                assert_returned(name, Variant::Plain, &ledger, call);
                drop(balloon);
                assert!(ledger.all_returned(), "{name}, access {call}");
            },
        );
    }
}

/// A device that was not reset is not reported as reset.
#[test]
fn power_off_is_an_error_if_the_device_was_not_reset() {
    let Rig { balloon, transport, .. } = rig(Variant::Plain);
    let mut balloon: Balloon<Split<_, _, _>> = balloon.split().balloon;
    transport.set(Some(0));
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.abandon(&mut polls()))).is_err());
    assert_eq!(balloon.power_off(&mut polls()), Err(BalloonError::TransportLost));
    // After an abandon, the device is reset.
    let Rig { mut balloon, .. } = rig(Variant::Plain);
    assert_eq!(balloon.abandon(&mut polls()), Ok(()));
    assert_eq!(balloon.power_off(&mut no_wait), Ok(()));
}
