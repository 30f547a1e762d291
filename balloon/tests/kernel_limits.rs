//! Kernels at the limits of the contract: frames above 16 TiB, a count of free frames that is not known, empty runs, and runs whose
//! first frame is already in the balloon.

mod common;

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::transport::{DeviceAddress, Dma, DmaDomain, DmaRegion};
use aerostat_balloon::{
    Balloon, FrameRun, FrameSize, Frames, NoFeatures, Options, Pages, PrivateMemory, Ready, Size4KiB, Size64KiB, Step,
};
use aerostat_device::{BalloonDevice, TestPlatform, features};
use common::{Bus, assert_clean, probe, settle};

/// What a test makes of the kernel.
#[derive(Default)]
struct Changes {
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

struct Kernel<S>(TestPlatform<S>, Rc<Changes>);

impl<S: FrameSize> Frames for Kernel<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        self.1.range.clone().unwrap_or(self.0.range())
    }

    fn set_usable(&mut self, frames: Range<u64>) {
        self.1.usable.replace(frames);
    }

    fn free_frames(&self) -> u64 {
        if self.1.counts_none { 0 } else { self.0.free_frames() }
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<S>> {
        match self.1.returns_empty.get() {
            // SAFETY: there are no frames.
            true => Some(unsafe { FrameRun::from_raw(self.range().start, 0) }),
            false => self.0.allocate(max),
        }
    }

    fn deallocate(&mut self, run: FrameRun<S>) {
        if run.count() == 0 {
            self.1.empty.set(self.1.empty.get() + 1);
        }
        self.0.deallocate(run);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.0.allocate_private(words)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: it allocated the memory.
        unsafe { self.0.deallocate_private(memory) };
    }
}

// SAFETY: the memory is that of a platform that fulfils the contract.
unsafe impl<S: FrameSize> Dma for Kernel<S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.0.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.0.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.0.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        // SAFETY: by the caller's promise.
        unsafe { self.0.unmap(physical, bytes) };
    }

    fn domain(&self) -> DmaDomain {
        self.0.domain()
    }
}

type Whole<S> = Balloon<Ready<Bus, Kernel<S>, NoFeatures>>;

fn start<S: FrameSize>(changes: Changes) -> (Whole<S>, BalloonDevice, Rc<Changes>) {
    let device = BalloonDevice::builder().memory(4 << 20).features(features::VERSION_1).inline().start().unwrap();
    let changes = Rc::new(changes);
    let kernel = Kernel(TestPlatform::<S>::of(&device).unwrap(), Rc::clone(&changes));
    (probe(&device, kernel, Options::new(NoFeatures)), device, changes)
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
            let (_balloon, _device, changes) = start::<S>(Changes { range: Some(range), ..Changes::default() });
            assert_eq!(*changes.usable.borrow(), usable);
        }
    }
    check::<Size4KiB>();
    check::<Size64KiB>();
}

/// `Frames::free_frames` is only for reserves.
#[test]
fn a_balloon_without_a_reserve_does_not_need_the_count_of_free_frames() {
    let (mut balloon, device, _) = start::<Size4KiB>(Changes { counts_none: true, ..Changes::default() });
    device.set_target(10);
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(10)));
}

#[test]
fn an_empty_run_means_that_the_kernel_has_no_frames() {
    let (mut balloon, device, changes) = start::<Size4KiB>(Changes::default());
    changes.returns_empty.set(true);
    device.set_target(10);
    assert!(matches!(settle(&mut balloon), Step::Paused(_)));
    changes.returns_empty.set(false);
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(10)));
}

/// The kernel has allocated the first frame of the run twice. It gets the others back, and no empty run before them.
#[test]
fn a_kernel_gets_no_empty_run() {
    let (mut balloon, device, changes) = start::<Size4KiB>(Changes::default());
    device.set_target(100);
    let run = balloon.platform().0.share().allocate(1).unwrap();
    let first = run.first();
    balloon.inflate_with(run).map_err(|rejected| rejected.error).unwrap();
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(100)));
    assert!(balloon.contains(first));
    // SAFETY: the balloon takes none of the frames, because it has the first one.
    let twice = unsafe { FrameRun::from_raw(first, 1) };
    device.set_target(200);
    assert!(balloon.inflate_with(twice).is_err_and(|rejected| rejected.run.is_none()));
    assert_eq!(changes.empty.get(), 0);
    assert_clean(&device, &balloon.platform().0.ledger());
}
