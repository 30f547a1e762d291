//! Panics of the kernel's `Wait`.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use aerostat_device::RegisterFault;

use crate::common::polls;
use crate::{Rig, Variant, Whole, assert_returned, builder, rig, unprobed};

/// The device stays with the balloon if the kernel's `Wait` panics.
#[test]
fn a_panic_of_wait_loses_nothing() {
    let panics = |_: u32| -> ControlFlow<()> { resume_unwind(Box::new("the test makes this call panic")) };
    type Act = fn(&mut Whole, &mut dyn FnMut(u32) -> ControlFlow<()>);
    let acts: [(&str, Act); 3] = [
        ("abandon", |balloon, mut wait| {
            let _ = balloon.abandon(&mut |attempt| wait(attempt));
            let _ = &mut wait;
        }),
        ("inflate", |balloon, wait| {
            let _ = balloon.inflate(20).unwrap().wait(&mut |attempt| wait(attempt));
        }),
        ("deflate", |balloon, wait| {
            let _ = balloon.deflate_on_oom().tell_host().wait(&mut |attempt| wait(attempt));
        }),
    ];
    for (name, act) in acts {
        let Rig { mut balloon, device, ledger, .. } = rig(Variant::Plain);
        device.set_target(300);
        device.inject(RegisterFault::SlowReset(50));
        for _ in 0..2 {
            let result = catch_unwind(AssertUnwindSafe(|| act(&mut balloon, &mut { panics })));
            assert!(result.is_err(), "{name}");
        }
        assert_eq!(balloon.abandon(&mut polls()), Ok(()), "{name}");
        assert_returned(name, Variant::Plain, &ledger, 0);
        drop(balloon);
        assert!(ledger.all_returned(), "{name}");
    }
}

/// A call that consumes the balloon drops it in a panic of `Wait`. The drop does not wait, so it returns everything if the device
/// finishes its reset at once.
#[test]
fn a_panic_of_wait_in_a_call_that_consumes_the_balloon_drops_it() {
    let mut panics = |_: u32| -> ControlFlow<()> { resume_unwind(Box::new("the test makes this call panic")) };
    let panicked = |act: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
    // In the reset at the start.
    let device = builder(Variant::Plain).start().unwrap();
    device.inject(RegisterFault::SlowReset(3));
    let (balloon, ..) = unprobed(&device);
    let ledger = balloon.platform().memory.ledger();
    let mut balloon = Some(balloon);
    panicked(&mut || drop(balloon.take().unwrap().probe(&mut panics)));
    assert!(ledger.all_returned());
    // In `freeze`, while the device has arrays.
    let Rig { balloon, ledger, .. } = rig(Variant::Plain);
    let mut balloon = Some(balloon);
    panicked(&mut || drop(balloon.take().unwrap().freeze(&mut panics)));
    assert!(ledger.all_returned());
    // In the reset at the end: the device may still use its memory.
    for finishes in [true, false] {
        let Rig { balloon, ledger, device, .. } = rig(Variant::Plain);
        let before = ledger.allocated_frames();
        device.inject(RegisterFault::SlowReset(u32::MAX));
        let mut balloon = Some(balloon);
        let mut wait = |attempt| {
            if finishes {
                device.clear_faults();
            }
            panics(attempt)
        };
        panicked(&mut || drop(balloon.take().unwrap().reset(&mut wait)));
        assert_eq!(ledger.all_returned(), finishes);
        assert!(finishes || ledger.allocated_frames() == before);
    }
    // `power_off` returns nothing.
    let Rig { balloon, ledger, device, .. } = rig(Variant::Plain);
    device.inject(RegisterFault::SlowReset(5));
    let events = ledger.events();
    let mut balloon = Some(balloon);
    panicked(&mut || assert!(balloon.take().unwrap().power_off(&mut panics).is_ok()));
    assert_eq!(ledger.events(), events);
}
