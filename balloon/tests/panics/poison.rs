//! Frames that the driver had in a call of the kernel that panicked, and whose contents the host may have discarded: they contain the
//! poison value when they go back to the kernel.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use aerostat_balloon::platform::FillFrames;
use aerostat_balloon::{
    Balloon, BalloonFeatureSet, FrameRun, Frames, Options, Platform, Ready, Size4KiB, features as declare,
};
use aerostat_device::{BalloonDevice, Builder, TestPlatform, features};

use crate::common::changed::{Changed, Changes};
use crate::common::kernel::{Countdown, Kernel};
use crate::common::{Bus, assert_clean, polls, probe};

declare! {
    struct Poison { PagePoison: Required }
}
declare! {
    struct Reports { PageReporting: Required, PagePoison: Required, AccessPlatform: Required }
}

const OFFERED: u64 = features::PAGE_REPORTING | features::PAGE_POISON | features::ACCESS_PLATFORM | features::VERSION_1;

/// What the kernel knows about its frames.
#[derive(Clone, Default)]
struct Contents {
    /// Frames that were filled with the poison value, and not mapped for the device since.
    filled: Rc<RefCell<BTreeSet<u64>>>,
    /// Number of frames that went back with other contents.
    unfilled: Rc<Cell<usize>>,
}

/// A kernel that records what is filled.
type Recording = Changed<Contents, Kernel>;

fn frames(run: &FrameRun<Size4KiB>) -> Range<u64> {
    run.first()..run.first() + u64::from(run.count())
}

impl Changes<Kernel> for Contents {
    fn deallocate(&mut self, kernel: &mut Kernel, run: FrameRun<Size4KiB>) {
        let unfilled = frames(&run).filter(|frame| !self.filled.borrow_mut().remove(frame)).count();
        self.unfilled.set(self.unfilled.get() + unfilled);
        kernel.deallocate(run);
    }

    fn unmap(&mut self, physical: u64, bytes: usize, unmap: impl FnOnce()) {
        // The host could discard the contents until now.
        let first = physical / 4096;
        self.filled.borrow_mut().retain(|frame| !(first..first + bytes as u64 / 4096).contains(frame));
        unmap();
    }

    fn fill(&mut self, kernel: &mut Kernel, run: &FrameRun<Size4KiB>, value: u32) {
        kernel.fill(run, value);
        self.filled.borrow_mut().extend(frames(run));
    }
}

type Whole<F> = Balloon<Ready<Bus, Recording, F>>;

/// Makes each call of the kernel in `act` panic once, and checks what goes back when the balloon ends.
fn check<F: BalloonFeatureSet>(
    builder: impl Fn() -> Builder,
    options: impl Fn() -> Options<F>,
    prepare: impl Fn(&mut Whole<F>, &BalloonDevice),
    act: impl Fn(&mut Whole<F>, &BalloonDevice),
) where
    Recording: Platform<F>,
{
    for call in 0.. {
        let device = builder().memory(4 << 20).manual().start().unwrap();
        let (kernel, contents) = (Kernel::new(TestPlatform::of(&device).unwrap()), Contents::default());
        let (ledger, countdown): (_, Countdown) = (kernel.memory.ledger(), kernel.countdown.clone());
        let mut balloon = probe(&device, Recording::new(kernel, contents.clone()), options());
        prepare(&mut balloon, &device);
        countdown.set(Some(call));
        let panicked = catch_unwind(AssertUnwindSafe(|| act(&mut balloon, &device))).is_err();
        assert_eq!(panicked, !countdown.is_set(), "another panic");
        countdown.set(None);
        assert_eq!(balloon.abandon(&mut polls()), Ok(()), "call {call}");
        assert_eq!((ledger.allocated_frames().len(), contents.unfilled.get()), (0, 0), "call {call}");
        assert_clean(&device, &ledger);
        if !panicked {
            return assert!(call > 1, "nothing panics");
        }
    }
}

/// A frame that the kernel has passed in, in a call that returns frames of the balloon.
#[test]
fn frames_of_a_migration_are_filled() {
    check(
        || BalloonDevice::builder().features(features::PAGE_POISON | features::VERSION_1),
        || Options::new(Poison).poison_value(0x5a5a_1234),
        |balloon, device| {
            device.set_target(10);
            let _ = balloon.service().unwrap();
            while device.step() {}
            let _ = balloon.drain().unwrap();
            while device.step() {}
        },
        |balloon, _| {
            let mut memory = balloon.platform().kernel.memory.share();
            let new = memory.allocate(1).unwrap();
            // No frame of the balloon: all of them leave it.
            let rejected = balloon.migrate(u64::MAX, new).map(drop).unwrap_err();
            memory.deallocate(rejected.run.unwrap());
        },
    );
}

#[test]
fn frames_of_reported_blocks_are_filled() {
    check(
        || BalloonDevice::builder().features(OFFERED),
        || Options::new(Reports).report_block(1 << 20).poison_value(0x5a5a_1234),
        |balloon, _| {
            let _ = balloon.service_reporting().unwrap();
        },
        |balloon, device| {
            while device.step() {}
            let _ = balloon.service_reporting().unwrap();
        },
    );
}
