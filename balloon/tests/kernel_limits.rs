//! Kernels at the limits of the contract: frames above 16 TiB, a count of free frames that is not known, empty runs, and runs whose
//! first frame is already in the balloon.

mod common;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::{
    Balloon, FrameRun, FrameSize, Frames, NoFeatures, Options, Pages, Ready, Size4KiB, Size64KiB, Step,
};
use aerostat_device::{BalloonDevice, TestPlatform, features};
use common::changed::{Changed, Changes};
use common::{Bus, assert_clean, probe, settle};

/// What a test makes of the kernel.
#[derive(Default)]
struct Limits {
    /// The range, if it is not that of the memory.
    range: Option<Range<u64>>,
    usable: RefCell<Range<u64>>,
    /// Whether the kernel has no free frames by its own count.
    counts_none: bool,
    /// Whether the kernel returns empty runs.
    returns_empty: Cell<bool>,
    /// Empty runs that went back.
    empty: Cell<u32>,
}

type Kernel<S> = Changed<Rc<Limits>, TestPlatform<S>>;

impl<S: FrameSize> Changes<TestPlatform<S>> for Rc<Limits> {
    fn range(&self, memory: &TestPlatform<S>) -> Range<u64> {
        self.range.clone().unwrap_or(memory.range())
    }

    fn set_usable(&mut self, _memory: &mut TestPlatform<S>, frames: Range<u64>) {
        self.usable.replace(frames);
    }

    fn free_frames(&self, memory: &TestPlatform<S>) -> u64 {
        if self.counts_none { 0 } else { memory.free_frames() }
    }

    fn allocate(&mut self, memory: &mut TestPlatform<S>, max: u32) -> Option<FrameRun<S>> {
        match self.returns_empty.get() {
            // SAFETY: there are no frames.
            true => Some(unsafe { FrameRun::from_raw(memory.range().start, 0) }),
            false => memory.allocate(max),
        }
    }

    fn deallocate(&mut self, memory: &mut TestPlatform<S>, run: FrameRun<S>) {
        if run.count() == 0 {
            self.empty.set(self.empty.get() + 1);
        }
        memory.deallocate(run);
    }
}

type Whole<S> = Balloon<Ready<Bus, Kernel<S>, NoFeatures>>;

fn start<S: FrameSize>(limits: Limits) -> (Whole<S>, BalloonDevice, Rc<Limits>) {
    let device = BalloonDevice::builder().memory(4 << 20).features(features::VERSION_1).inline().start().unwrap();
    let limits = Rc::new(limits);
    let kernel = Kernel::<S>::new(TestPlatform::of(&device).unwrap(), Rc::clone(&limits));
    (probe(&device, kernel, Options::new(NoFeatures)), device, limits)
}

/// A page number has 32 bits.
#[test]
fn frames_from_16_tib_on_are_not_usable() {
    fn check<S: FrameSize>() {
        let limit = (16 << 40) / S::BYTES;
        for (range, usable) in [
            (limit - 3..limit + 5, limit - 3..limit),
            (limit - 3..limit, limit - 3..limit),
            (limit + 1..limit + 5, limit..limit),
        ] {
            let (_balloon, _device, limits) = start::<S>(Limits { range: Some(range), ..Limits::default() });
            assert_eq!(*limits.usable.borrow(), usable);
        }
    }
    check::<Size4KiB>();
    check::<Size64KiB>();
}

/// `Frames::free_frames` is only for reserves.
#[test]
fn a_balloon_without_a_reserve_does_not_need_the_count_of_free_frames() {
    let (mut balloon, device, _) = start::<Size4KiB>(Limits { counts_none: true, ..Limits::default() });
    device.set_target(10);
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(10)));
}

#[test]
fn an_empty_run_means_that_the_kernel_has_no_frames() {
    let (mut balloon, device, limits) = start::<Size4KiB>(Limits::default());
    limits.returns_empty.set(true);
    device.set_target(10);
    assert!(matches!(settle(&mut balloon), Step::Paused(_)));
    limits.returns_empty.set(false);
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(10)));
}

/// The kernel has allocated the first frame of the run twice. It gets the others back, and no empty run before them.
#[test]
fn a_kernel_gets_no_empty_run() {
    let (mut balloon, device, limits) = start::<Size4KiB>(Limits::default());
    device.set_target(100);
    let run = balloon.platform().kernel.share().allocate(1).unwrap();
    let first = run.first();
    balloon.inflate_with(run).map_err(|rejected| rejected.error).unwrap();
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(100)));
    assert!(balloon.contains(first));
    // SAFETY: the balloon takes none of the frames, because it has the first one.
    let twice = unsafe { FrameRun::from_raw(first, 1) };
    device.set_target(200);
    assert!(balloon.inflate_with(twice).is_err_and(|rejected| rejected.run.is_none()));
    assert_eq!(limits.empty.get(), 0);
    assert_clean(&device, &balloon.platform().kernel.ledger());
}
