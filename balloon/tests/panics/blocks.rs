//! Panics of the kernel during block inflation. The driver loses no frame and unmaps every block once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aerostat_balloon::{Balloon, BalloonError, Options, Pages, Ready, Step, features as declare};
use aerostat_device::{BalloonDevice, Ledger, Runs, TestPlatform, features};

use crate::common::kernel::{Countdown, Kernel};
use crate::common::{Bus, assert_clean, polls, probe};

declare! {
    struct Blocks {
        PageReporting: Required,
        BlockInflation: Required,
        DeflateOnOom: Required,
        AccessPlatform: Optional,
    }
}

const OFFERED: u64 = features::PAGE_REPORTING | features::DEFLATE_ON_OOM | features::VERSION_1;
/// Pages of a block.
const BLOCK: u32 = 4;

struct Rig {
    balloon: Balloon<Ready<Bus, Kernel, Blocks>>,
    device: BalloonDevice,
    ledger: Ledger,
    countdown: Countdown,
}

/// Returns a balloon with blocks, other frames, and blocks in flight.
fn rig(more: u64, runs: Runs, tells_host: bool) -> Rig {
    let builder = BalloonDevice::builder().memory(4 << 20).features(OFFERED | more).block_inflation().manual();
    let device = builder.start().unwrap();
    let kernel = Kernel::new(TestPlatform::of(&device).unwrap());
    let (ledger, countdown) = (kernel.memory.ledger(), kernel.countdown.clone());
    let options = Options::new(Blocks).report_block(BLOCK << 12);
    let options = if tells_host { options.tell_host_of_blocks() } else { options };
    let mut balloon = probe(&device, kernel, options);
    ledger.set_runs(runs);
    device.set_target(20 * BLOCK + 3);
    for _ in 0..3 {
        let _ = balloon.service().unwrap();
        while device.step() {}
    }
    device.set_target(25 * BLOCK + 3);
    let _ = balloon.service().unwrap();
    Rig { balloon, device, ledger, countdown }
}

type Act = fn(&mut Rig);

fn steps(rig: &mut Rig, target: u32) {
    rig.device.set_target(target);
    for _ in 0..3 {
        let _ = rig.balloon.service();
        while rig.device.step() {}
    }
    let _ = rig.balloon.service();
}

const ACTS: [(&str, Act); 7] = [
    ("inflating", |rig| steps(rig, 60 * BLOCK + 1)),
    ("inflating to the end", |rig| steps(rig, 1 << 20)),
    ("deflating", |rig| steps(rig, 5 * BLOCK + 2)),
    ("draining", |rig| steps(rig, 0)),
    ("deflation on OOM", |rig| {
        let _ = rig.balloon.deflate_on_oom().tell_host().poll();
        while rig.device.step() {}
        let _ = rig.balloon.service();
    }),
    ("reporting", |rig| {
        while rig.device.step() {}
        let _ = rig.balloon.service_reporting();
    }),
    ("abandon", |rig| {
        let _ = rig.balloon.abandon(&mut polls());
    }),
];

#[test]
fn a_panic_of_the_kernel_loses_no_frame() {
    for (more, runs, tells_host) in [
        (0, Runs::Contiguous, false),
        (0, Runs::Contiguous, true),
        (features::ACCESS_PLATFORM, Runs::Contiguous, false),
        (features::ACCESS_PLATFORM, Runs::Scattered { seed: 5 }, false),
    ] {
        for (name, act) in ACTS {
            let mut call = 0;
            loop {
                let mut rig = rig(more, runs, tells_host);
                rig.countdown.set(Some(call));
                let panicked = catch_unwind(AssertUnwindSafe(|| act(&mut rig))).is_err();
                assert_eq!(panicked, !rig.countdown.is_set(), "{name}: another panic");
                rig.countdown.set(None);
                let Rig { mut balloon, device, ledger, .. } = rig;
                // What works after the panic works by the rules.
                let _ = balloon.service();
                assert_eq!(balloon.abandon(&mut polls()), Ok(()), "{name}, call {call}");
                assert_eq!(ledger.allocated_frames().len(), 0, "{name}, {more:#x}, {runs:?}: call {call}");
                assert_clean(&device, &ledger);
                // Another device starts without blocks in flight.
                let mut balloon = balloon.reset(&mut polls()).unwrap().restore(&mut polls()).unwrap();
                for target in [3 * BLOCK, 0] {
                    device.set_target(target);
                    let is_done = (0..10).any(|_| {
                        while device.step() {}
                        balloon.service().unwrap() == Step::OnTarget
                    });
                    assert!(is_done, "{name}, call {call}: {balloon:?}");
                    assert_eq!((balloon.size(), balloon.in_flight()), (Pages(target), 0));
                }
                assert_clean(&device, &ledger);
                drop(balloon);
                if !panicked {
                    assert!(call > 0, "{name}: nothing panics");
                    break;
                }
                call += 1 + call / 8;
            }
        }
    }
}

/// The frames of a block whose unmapping panics are kept until the reset. Without space for more of them, calls fail.
#[test]
fn panics_of_unmapping_are_limited() {
    let Rig { mut balloon, device, ledger, countdown } = rig(features::ACCESS_PLATFORM, Runs::Contiguous, false);
    let mut results = Vec::new();
    for more in 0..6 {
        while device.step() {}
        // The first call of the kernel.
        countdown.set(Some(0));
        results.push(catch_unwind(AssertUnwindSafe(|| balloon.service())).ok());
        countdown.set(None);
        device.set_target((30 + more) * BLOCK);
        let _ = balloon.service();
    }
    let error = Some(Err(BalloonError::TooManyPanics));
    assert_eq!(results, [None, None, error, error, error, error]);
    assert_eq!(balloon.abandon(&mut polls()), Ok(()));
    assert_eq!(ledger.allocated_frames().len(), 0);
    assert_clean(&device, &ledger);
}

/// The end of a balloon unmaps all blocks that the device has, however often the kernel panics there.
#[test]
fn panics_while_the_balloon_ends_lose_no_frame() {
    let Rig { mut balloon, device, ledger, countdown } = rig(features::ACCESS_PLATFORM, Runs::Contiguous, false);
    device.set_target(100 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert!(balloon.in_flight() > 20);
    let mut panics = 0;
    for _ in 0..20 {
        countdown.set(Some(0));
        panics += u32::from(catch_unwind(AssertUnwindSafe(|| balloon.abandon(&mut polls()))).is_err());
        countdown.set(None);
    }
    assert_eq!(panics, 20);
    assert_eq!(balloon.abandon(&mut polls()), Ok(()));
    assert_eq!(ledger.allocated_frames().len(), 0);
    assert_clean(&device, &ledger);
}
