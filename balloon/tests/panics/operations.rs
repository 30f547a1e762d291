//! Panics of the kernel in the operations of a balloon and its handles.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aerostat_balloon::Frames;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_device::{BalloonDevice, Runs};

use crate::common::kernel::Kernel;
use crate::common::polls;
use crate::{Parts, Rig, VARIANTS, Variant, Whole, assert_returned, assert_unmapped, for_each_panic, rig};

/// Every operation of a balloon that can panic in the kernel's allocator.
pub(crate) fn operations() -> Vec<(&'static str, fn(&mut Rig))> {
    fn steps(rig: &mut Rig, target: u32) {
        rig.device.set_target(target);
        for _ in 0..3 {
            let _ = rig.balloon.service();
            while rig.device.step() {}
        }
        let _ = rig.balloon.service();
    }
    vec![
        ("inflating", |rig| steps(rig, 260)),
        ("inflating to the reserve", |rig| steps(rig, 1 << 20)),
        ("deflating", |rig| steps(rig, 60)),
        ("drain", |rig| {
            let _ = rig.balloon.drain();
            while rig.device.step() {}
            let _ = rig.balloon.drain();
        }),
        ("inflate", |rig| {
            rig.device.set_target(300);
            let _ = rig.balloon.inflate(10).map(|mut inflation| inflation.poll());
        }),
        ("deflate", |rig| {
            rig.device.set_target(100);
            let _ = rig.balloon.deflate(100).map(|pending| pending.tell_host().poll());
            while rig.device.step() {}
            let _ = rig.balloon.drain();
        }),
        ("release_early", |rig| {
            rig.device.set_target(100);
            let _ = rig.balloon.deflate(100).map(|pending| pending.release_early());
        }),
        ("deflate_on_oom", |rig| {
            let _ = rig.balloon.deflate_on_oom().release_early();
        }),
        ("inflate_with", |rig| {
            rig.device.set_target(150);
            let _ = rig.balloon.service();
            while rig.device.step() {}
            rig.device.set_target(300);
            let run = rig.balloon.platform().memory.share().allocate(3).unwrap();
            if let Err(rejected) = rig.balloon.inflate_with(run)
                && let Some(run) = rejected.run
            {
                rig.balloon.platform().memory.share().deallocate(run);
            }
        }),
        ("inflate_with frames of the balloon", |rig| {
            rig.device.set_target(300);
            rig.ledger.set_runs(Runs::Contiguous);
            let mut memory = rig.balloon.platform().memory.share();
            let mut short = Vec::new();
            let run = loop {
                match memory.allocate(3).unwrap() {
                    run if run.count() == 3 => break run,
                    run => short.push(run),
                }
            };
            short.into_iter().for_each(|run| memory.deallocate(run));
            let (first, rest) = run.split(1);
            let (middle, _last) = rest.unwrap().split(1);
            let start = first.first();
            let _ = rig.balloon.inflate_with(middle).map_err(|rejected| panic!("{rejected}"));
            // SAFETY: the first and the last frame are not used, and the balloon does not take the one between them.
            let run = unsafe { aerostat_balloon::FrameRun::from_raw(start, 3) };
            let _ = rig.balloon.inflate_with(run).map_err(|rejected| assert!(rejected.run.is_none()));
        }),
        ("migrate", |rig| {
            rig.device.set_target(150);
            let _ = rig.balloon.service();
            while rig.device.step() {}
            let new = rig.balloon.platform().memory.share().allocate(1).unwrap();
            let old = *rig.ledger.allocated_frames().iter().find(|&&frame| rig.balloon.contains(frame)).unwrap();
            match rig.balloon.migrate(old, new) {
                Ok(mut migration) => {
                    let _ = migration.poll();
                    while rig.device.step() {}
                    let _ = migration.poll();
                    while rig.device.step() {}
                    let _ = migration.poll();
                }
                Err(rejected) => rig.balloon.platform().memory.share().deallocate(rejected.run.unwrap()),
            }
        }),
        ("service_statistics", |rig| {
            let _ = rig.balloon.service_statistics();
        }),
        ("service_reporting", |rig| {
            let _ = rig.balloon.service_reporting();
            while rig.device.step() {}
            let _ = rig.balloon.service_reporting();
        }),
        ("service_hinting", |rig| {
            let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
            while rig.device.step() {}
            rig.device.finish_hinting();
            let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
        }),
        ("reclaim_hinted", |rig| {
            let _ = rig.balloon.reclaim_hinted(100);
        }),
        ("abandon", |rig| {
            let _ = rig.balloon.abandon(&mut polls());
        }),
        ("poll_abandon", |rig| while rig.balloon.poll_abandon().is_ok_and(|poll| poll.is_pending()) {}),
        ("assume_gone", |rig| {
            // SAFETY: the device of this test works only when it is told to.
            let _ = unsafe { rig.balloon.assume_gone() };
        }),
    ]
}

#[test]
fn a_panic_of_the_kernel_in_an_operation_loses_no_frame() {
    for variant in VARIANTS {
        for (name, act) in operations() {
            for_each_panic(
                name,
                variant,
                |rig| rig,
                |rig| rig.kernel.clone(),
                act,
                |rig, call| {
                    let Rig { mut balloon, ledger, device, .. } = rig;
                    let name = format!("{name}, {device:?}");
                    assert_eq!(balloon.abandon(&mut polls()), Ok(()), "{name}");
                    assert_returned(&name, variant, &ledger, call);
                    drop(balloon);
                    assert_unmapped(&name, &ledger);
                },
            );
        }
    }
}

/// A panic in a call that consumes the balloon drops it.
#[test]
fn a_panic_of_the_kernel_in_a_call_that_consumes_the_balloon_loses_no_frame() {
    type Act = fn(Whole, &BalloonDevice);
    let acts: [(&str, Act); 5] = [
        ("freeze", |balloon, device| {
            let _ = balloon.freeze(&mut device.work_at_most(100));
        }),
        ("reset", |balloon, _| {
            let _ = balloon.reset(&mut polls());
        }),
        ("remove", |balloon, device| {
            let _ = balloon.remove(&mut device.work_at_most(100));
        }),
        ("restore", |balloon, device| {
            let frozen = balloon.freeze(&mut device.work_at_most(100)).map_err(|failed| failed.error).unwrap();
            let _ = frozen.restore(&mut polls());
        }),
        ("drop", |balloon, _| drop(balloon)),
    ];
    for variant in VARIANTS {
        for (name, act) in acts {
            for_each_panic(
                name,
                variant,
                |Rig { balloon, device, ledger, kernel, .. }| (Some(balloon), device, ledger, kernel),
                |(.., kernel)| kernel.clone(),
                |(balloon, device, ..)| act(balloon.take().unwrap(), device),
                |(balloon, _, ledger, _), call| {
                    assert!(balloon.is_none());
                    // A panic in `drop` itself ends the drop.
                    if name != "drop" {
                        assert_returned(name, variant, &ledger, call);
                    }
                },
            );
        }
    }
}

#[test]
fn a_panic_of_the_kernel_in_a_handle_loses_no_frame() {
    type Act = fn(&mut Parts, &mut Kernel, &BalloonDevice);
    let acts: [(&str, Act); 5] = [
        ("statistics", |parts, kernel, _| {
            let _ = parts.statistics.service(kernel);
        }),
        ("reporting", |parts, kernel, device| {
            let _ = parts.reporting.service(kernel);
            while device.step() {}
            let _ = parts.reporting.service(kernel);
        }),
        ("hinting", |parts, kernel, device| {
            let _ = parts.hinting.service(kernel, InterruptStatus::ANY);
            while device.step() {}
            device.finish_hinting();
            let _ = parts.hinting.service(kernel, InterruptStatus::ANY);
        }),
        ("reclaim_hinted", |parts, kernel, _| {
            let _ = parts.hinting.reclaim_hinted(kernel, 100);
        }),
        ("abandon", |parts, _, _| {
            let _ = parts.balloon.abandon(&mut polls());
        }),
    ];
    for variant in VARIANTS {
        for (name, act) in acts {
            for_each_panic(
                name,
                variant,
                |Rig { balloon, device, ledger, kernel, .. }| {
                    let shared = balloon.platform().share();
                    (balloon.split(), shared, device, ledger, kernel)
                },
                |(.., kernel)| kernel.clone(),
                |(parts, kernel, device, ..)| act(parts, kernel, device),
                |(mut parts, _, _, ledger, _), call| {
                    assert_eq!(parts.balloon.abandon(&mut polls()), Ok(()), "{name}");
                    drop(parts.join().unwrap());
                    assert_returned(name, variant, &ledger, call);
                    assert_unmapped(name, &ledger);
                },
            );
        }
    }
}

/// A statistics buffer that the host waits for is not forgotten.
#[test]
fn a_request_for_statistics_is_answered_after_a_panic() {
    let Rig { mut balloon, device, kernel, .. } = rig(Variant::Plain);
    let before = device.statistics_count();
    kernel.set(Some(0));
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.service_statistics())).is_err());
    assert!(balloon.service_statistics().is_ok());
    while device.step() {}
    assert_eq!(device.statistics_count(), before + 1);
}
