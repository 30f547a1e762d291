//! Many panics of the kernel in one balloon.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{BalloonError, Frames};
use aerostat_device::{Runs, TestPlatform};

use crate::common::kernel::Kernel;
use crate::common::{no_wait, polls};
use crate::{Rig, Variant, assert_returned, builder, rig, unprobed_with};

/// A call in which the kernel may panic, after another one in which it does not.
struct Panics {
    name: &'static str,
    variant: Variant,
    /// The last call of the kernel that panics.
    last: u32,
    prepare: fn(&mut Rig),
    act: fn(&mut Rig) -> Result<(), BalloonError>,
}

/// Every call that keeps frames in a panic.
const KEEPING: [Panics; 8] = [
    Panics {
        name: "inflate_with",
        variant: Variant::Plain,
        last: 1,
        prepare: |rig| {
            while rig.device.step() {}
            rig.device.set_target(rig.balloon.size().0.saturating_sub(5));
            let _ = rig.balloon.service();
            while rig.device.step() {}
            rig.device.set_target(1000);
        },
        act: |rig| {
            let mut memory = rig.balloon.platform().memory.share();
            let run = memory.allocate(1).unwrap();
            rig.balloon.inflate_with(run).map_err(|rejected| {
                rejected.run.into_iter().for_each(|run| memory.deallocate(run));
                rejected.error
            })
        },
    },
    Panics {
        name: "migrate",
        variant: Variant::Poison,
        last: 3,
        prepare: |rig| {
            let _ = rig.balloon.drain();
            while rig.device.step() {}
        },
        act: |rig| {
            let mut memory = rig.balloon.platform().memory.share();
            let new = memory.allocate(1).unwrap();
            // The frame is not in the balloon, whose frames all leave it.
            rig.balloon.migrate(u64::MAX, new).map(drop).map_err(|rejected| {
                rejected.run.into_iter().for_each(|run| memory.deallocate(run));
                rejected.error
            })
        },
    },
    Panics {
        name: "inflating by other frames",
        variant: Variant::Plain,
        last: 30,
        prepare: |rig| {
            while rig.device.step() {}
            rig.device.set_target(u32::MAX);
        },
        act: |rig| rig.balloon.service().map(drop),
    },
    Panics { name: "reporting", variant: Variant::Poison, last: 40, prepare: answer, act: report },
    Panics { name: "reporting", variant: Variant::Iommu, last: 40, prepare: answer, act: report },
    Panics { name: "hinting", variant: Variant::Iommu, last: 150, prepare: next_round, act: hint },
    Panics { name: "hinting", variant: Variant::Poison, last: 150, prepare: next_round, act: hint },
    Panics {
        name: "reclaim_hinted",
        variant: Variant::Plain,
        last: 4,
        prepare: |rig| {
            next_round(rig);
            let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
            while rig.device.step() {}
        },
        act: |rig| rig.balloon.reclaim_hinted(4).map(drop),
    },
];

/// The device answers, and the kernel uses and frees memory, which can then be reported again.
fn answer(rig: &mut Rig) {
    while rig.device.step() {}
    rig.ledger.use_frames(500);
    rig.ledger.free_used_frames();
}

fn report(rig: &mut Rig) -> Result<(), BalloonError> {
    rig.balloon.service_reporting().map(drop)
}

/// The host is done with a round, and starts the next one.
fn next_round(rig: &mut Rig) {
    finish_round(rig);
    let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
    while rig.device.step() {}
    let _ = rig.device.start_hinting();
}

fn finish_round(rig: &mut Rig) {
    while rig.device.step() {}
    rig.device.finish_hinting();
}

fn hint(rig: &mut Rig) -> Result<(), BalloonError> {
    let _ = rig.balloon.service_hinting(InterruptStatus::ANY)?;
    finish_round(rig);
    rig.balloon.service_hinting(InterruptStatus::ANY).map(drop)
}

/// The balloon keeps the frames of a panic. Before it has no space for those of another panic, its calls return an error.
#[test]
fn many_panics_in_one_balloon_lose_no_frame_and_end_with_an_error() {
    for Panics { name, variant, last, prepare, act } in KEEPING {
        let mut rig = rig(variant);
        if name == "inflating by other frames" {
            rig = rig_with_other_frames();
        }
        let mut panics = 0;
        let calls = (0..400).find(|call| {
            prepare(&mut rig);
            rig.kernel.set(Some(last - call % (last + 1)));
            let result = catch_unwind(AssertUnwindSafe(|| act(&mut rig)));
            panics += u32::from(result.is_err());
            rig.kernel.set(None);
            result.is_ok_and(|result| result == Err(BalloonError::TooManyPanics))
        });
        assert!(calls.is_some() && panics > 1, "{name} {variant:?}: {panics} panics without an error");
        for _ in 0..3 {
            prepare(&mut rig);
            assert_eq!(act(&mut rig), Err(BalloonError::TooManyPanics), "{name} {variant:?}");
        }
        assert_eq!(rig.balloon.abandon(&mut polls()), Ok(()));
        assert_returned(name, variant, &rig.ledger, panics);
        let frozen = rig.balloon.freeze(&mut no_wait).map_err(|failed| failed.error).unwrap();
        rig.ledger.set_statistics([(4, 1)]);
        rig.balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        prepare(&mut rig);
        assert_ne!(act(&mut rig), Err(BalloonError::TooManyPanics), "{name} {variant:?}");
        drop(rig.balloon);
        assert_returned(name, variant, &rig.ledger, panics);
    }
}

/// Returns a balloon whose kernel has many frames that the balloon cannot take.
fn rig_with_other_frames() -> Rig {
    let device = builder(Variant::Plain).start().unwrap();
    let mut kernel = Kernel::new(TestPlatform::of(&device).unwrap());
    kernel.range.start += 300;
    kernel.range.end -= 300;
    let (balloon, kernel, transport) = unprobed_with(&device, kernel);
    let balloon = balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    let ledger = balloon.platform().memory.ledger();
    ledger.set_runs(Runs::Scattered { seed: 9 });
    Rig { balloon, device, ledger, kernel, transport }
}
