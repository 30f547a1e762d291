//! Block inflation and its kernel: a split balloon whose reporting handle unmaps a block in another context, and blocks that the
//! kernel does not have or allocates wrongly.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use aerostat_balloon::error::FrameError;
use aerostat_balloon::handles::Progress;
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::platform::BlockFrames;
use aerostat_balloon::{
    Balloon, BalloonError, FrameRun, Frames, Handles, Options, Pages, Ready, Size4KiB, Split, Step, features as declare,
};
use aerostat_device::{BalloonDevice, Ledger, TestPlatform, features};

use crate::common::changed::{Changed, Changes};
use crate::common::{Bus, assert_all_returned, assert_clean, polls, probe};
use crate::{BLOCK, builder};

declare! { struct Blocks { PageReporting: Required, BlockInflation: Required, AccessPlatform: Required } }

/// What the first call of `unmap` does.
#[derive(Clone, Debug)]
enum Unmap {
    Works,
    /// It meets the test at the barrier twice before it works.
    Waits(Arc<Barrier>),
    /// It panics after it has worked.
    Panics,
}

/// What a test changes in the kernel.
#[derive(Debug)]
struct Blocked {
    unmap: Unmap,
    /// How it allocates blocks of a number of frames, at most another number.
    allocate_blocks: fn(&mut TestPlatform, u32, u32) -> Option<FrameRun<Size4KiB>>,
    /// How often it was asked for blocks.
    asked: Arc<AtomicU32>,
}

type Kernel = Changed<Blocked>;

impl Blocked {
    fn new(unmap: Unmap) -> Self {
        Self { unmap, allocate_blocks: TestPlatform::allocate_blocks, asked: Arc::default() }
    }
}

impl Changes for Blocked {
    fn allocate_blocks(&mut self, memory: &mut TestPlatform, frames: u32, max: u32) -> Option<FrameRun<Size4KiB>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.allocate_blocks)(memory, frames, max)
    }

    fn unmap(&mut self, _physical: u64, _bytes: usize, unmap: impl FnOnce()) {
        let how = std::mem::replace(&mut self.unmap, Unmap::Works);
        if let Unmap::Waits(barrier) = &how {
            barrier.wait();
            barrier.wait();
        }
        unmap();
        if let Unmap::Panics = how {
            // Without a message.
            resume_unwind(Box::new("the test makes this call panic"));
        }
    }
}

type Whole = Balloon<Ready<Bus, Kernel, Blocks>>;
type Halves = Handles<Bus, Kernel, Blocks>;
type Half = Balloon<Split<Bus, Kernel, Blocks>>;

struct Rig {
    handles: Halves,
    device: BalloonDevice,
    ledger: Ledger,
    /// The kernel for the handle.
    kernel: Kernel,
}

/// Returns a split balloon with six blocks that the device has used, and whose reports were not taken back.
fn rig(unmap: Unmap) -> Rig {
    let device = builder().add_features(features::ACCESS_PLATFORM).manual().start().unwrap();
    let memory = TestPlatform::of(&device).unwrap();
    let (ledger, kernel) = (memory.ledger(), Kernel::new(memory.share(), Blocked::new(unmap)));
    let mut balloon: Whole = probe(&device, Kernel::new(memory, Blocked::new(Unmap::Works)), Options::new(Blocks));
    device.set_target(6 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    while device.step() {}
    Rig { handles: balloon.split(), device, ledger, kernel }
}

/// Lets the device work until the balloon is on its target.
fn follow(balloon: &mut Whole, device: &BalloonDevice) {
    let is_done = (0..100).any(|_| {
        while device.step() {}
        balloon.service().unwrap() == Step::OnTarget
    });
    assert!(is_done, "{balloon:?}");
}

fn allocated(ledger: &Ledger) -> u32 {
    ledger.allocated_frames().len() as u32
}

/// Calls `act` while the handle unmaps the first block.
fn while_unmapping(
    act: impl FnOnce(Half, &BalloonDevice, &Ledger) -> Option<Half>,
) -> (Option<Halves>, BalloonDevice, Ledger) {
    let barrier = Arc::new(Barrier::new(2));
    let Rig { handles, device, ledger, mut kernel } = rig(Unmap::Waits(Arc::clone(&barrier)));
    let Handles { balloon, mut reporting, statistics, hinting } = handles;
    let unmaps = thread::spawn(move || {
        let _ = reporting.service(&mut kernel);
        reporting
    });
    barrier.wait();
    let balloon = act(balloon, &device, &ledger);
    barrier.wait();
    let reporting = unmaps.join().unwrap();
    (balloon.map(|balloon| Handles { balloon, reporting, statistics, hinting }), device, ledger)
}

#[test]
fn a_block_that_the_handle_unmaps_does_not_go_back() {
    let (handles, device, ledger) = while_unmapping(|mut balloon, device, ledger| {
        device.set_target(0);
        for _ in 0..3 {
            assert_eq!(balloon.service(), Ok(Step::Waiting));
            assert_eq!((balloon.size(), allocated(ledger)), (Pages(0), 6 * BLOCK));
        }
        let frame = *ledger.allocated_frames().first().unwrap();
        let new = balloon.platform().kernel.share().allocate(1).unwrap();
        let rejected = balloon.migrate(frame, new).unwrap_err();
        assert_eq!(rejected.error, BalloonError::Busy);
        balloon.platform().kernel.share().deallocate(rejected.run.unwrap());
        Some(balloon)
    });
    let mut handles = handles.unwrap();
    assert_eq!(handles.balloon.service(), Ok(Step::OnTarget));
    assert_eq!((handles.balloon.size(), handles.balloon.held_in_blocks(), device.actual()), (Pages(0), Pages(0), 0));
    assert_eq!(ledger.managed().in_balloon(), 0);
    assert_clean(&device, &ledger);
    drop(handles);
    assert_all_returned(&device, &ledger);
}

/// The context that unmaps a block returns it, because the balloon has ended.
#[test]
fn the_handle_returns_a_block_that_it_unmaps_while_the_balloon_ends() {
    for is_dropped in [false, true] {
        let (handles, device, ledger) = while_unmapping(|mut balloon, _, ledger| {
            if is_dropped {
                drop(balloon);
                assert_eq!(allocated(ledger), BLOCK);
                return None;
            }
            balloon.abandon(&mut polls()).unwrap();
            assert_eq!(allocated(ledger), BLOCK);
            Some(balloon)
        });
        assert_eq!((allocated(&ledger), ledger.managed().in_balloon()), (0, 0));
        assert_clean(&device, &ledger);
        if let Some(handles) = handles {
            let mut balloon = handles.join().unwrap().reset(&mut polls()).unwrap().restore(&mut polls()).unwrap();
            follow(&mut balloon, &device);
            assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(6 * BLOCK), Pages(6 * BLOCK)));
            let _ = balloon.remove(&mut device.work_at_most(1000)).unwrap();
            assert_all_returned(&device, &ledger);
        }
    }
}

/// Whether the block is mapped is not known then. It stays in the balloon until the device is reset.
#[test]
fn a_block_whose_unmapping_panics_in_the_handle_goes_back_after_the_reset() {
    for is_joined in [false, true] {
        let Rig { mut handles, device, ledger, mut kernel } = rig(Unmap::Panics);
        let reporting = &mut handles.reporting;
        let panics = std::panic::AssertUnwindSafe(|| reporting.service(&mut kernel));
        assert!(std::panic::catch_unwind(panics).is_err());
        device.set_target(0);
        assert_eq!(handles.balloon.service(), Ok(Step::Waiting));
        assert_eq!(allocated(&ledger), 6 * BLOCK, "the other blocks of the report were not acknowledged");
        if !is_joined {
            handles.balloon.abandon(&mut polls()).unwrap();
            assert_eq!(allocated(&ledger), BLOCK);
        }
        let balloon = handles.join().unwrap();
        let mut balloon = balloon.reset(&mut polls()).unwrap().restore(&mut polls()).unwrap();
        assert_reset_and_empty(&ledger);
        device.set_target(2 * BLOCK);
        follow(&mut balloon, &device);
        assert_eq!((balloon.size(), balloon.in_flight()), (Pages(2 * BLOCK), 0));
        device.set_target(0);
        assert_eq!(balloon.service(), Ok(Step::OnTarget), "no block counts as in flight");
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

fn assert_reset_and_empty(ledger: &Ledger) {
    assert_eq!((allocated(ledger), ledger.managed().in_balloon()), (0, 0));
    assert_eq!(ledger.violations(), []);
}

/// Returns a balloon whose kernel allocates blocks by `allocate_blocks`, with one array in flight.
fn start(
    allocate_blocks: fn(&mut TestPlatform, u32, u32) -> Option<FrameRun<Size4KiB>>,
) -> (Whole, BalloonDevice, Ledger) {
    let device = builder().add_features(features::ACCESS_PLATFORM).memory(128 << 20).manual().start().unwrap();
    let memory = TestPlatform::of(&device).unwrap();
    let (ledger, changes) = (memory.ledger(), Blocked { allocate_blocks, ..Blocked::new(Unmap::Works) });
    (probe(&device, Kernel::new(memory, changes), Options::new(Blocks).max_in_flight(1)), device, ledger)
}

/// It may have blocks again after the balloon was on its target.
#[test]
fn a_kernel_without_whole_blocks_is_asked_once_for_each_target() {
    let (mut balloon, device, ledger) = start(|_, _, _| None);
    let asked = Arc::clone(&balloon.platform().changes.asked);
    for (target, times) in [(2000, 1), (4000, 2)] {
        device.set_target(target);
        follow(&mut balloon, &device);
        assert_eq!((allocated(&ledger), asked.load(Ordering::Relaxed)), (target, times));
    }
    assert_clean(&device, &ledger);
}

#[test]
fn an_empty_run_means_that_the_kernel_has_no_blocks() {
    // SAFETY: there are no frames.
    let empty = |_: &mut TestPlatform, block: u32, _: u32| Some(unsafe { FrameRun::from_raw(4 * u64::from(block), 0) });
    let (mut balloon, device, ledger) = start(empty);
    let mappings = ledger.mappings();
    device.set_target(600);
    follow(&mut balloon, &device);
    assert_eq!((balloon.size(), balloon.held_in_blocks(), allocated(&ledger)), (Pages(600), Pages(0), 600));
    assert_eq!(ledger.mappings(), mappings, "nothing is mapped");
    assert_clean(&device, &ledger);
}

/// More frames than the balloon asked for, less than a block, and frames across two blocks.
#[test]
fn a_run_that_is_not_made_of_blocks_goes_back() {
    let too_many = |memory: &mut TestPlatform, block: u32, max: u32| memory.allocate_blocks(block, max + block);
    let too_short = |memory: &mut TestPlatform, block: u32, _: u32| {
        let (run, rest) = memory.allocate_blocks(block, block)?.split(block - 1);
        memory.deallocate(rest?);
        Some(run)
    };
    let unaligned = |memory: &mut TestPlatform, block: u32, _: u32| {
        let (first, run) = memory.allocate_blocks(block, 2 * block)?.split(1);
        memory.deallocate(first);
        let (run, rest) = run?.split(block);
        memory.deallocate(rest?);
        Some(run)
    };
    for (name, allocate_blocks) in
        [("too many", too_many as fn(&mut _, _, _) -> _), ("too short", too_short), ("unaligned", unaligned)]
    {
        let (mut balloon, device, ledger) = start(allocate_blocks);
        device.set_target(2 * BLOCK);
        let error = balloon.service().unwrap_err();
        assert!(matches!(error, BalloonError::Frame(FrameError::NotABlock { frames: BLOCK, .. })), "{name}: {error}");
        assert_eq!((allocated(&ledger), balloon.held_in_blocks(), balloon.in_flight()), (0, Pages(0), 0), "{name}");
        follow(&mut balloon, &device);
        assert_eq!((balloon.size(), allocated(&ledger)), (Pages(2 * BLOCK), 2 * BLOCK), "{name}: through arrays");
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

/// The kernel's own reports fill the queue. Less than a block is missing, and that needs no report.
#[test]
fn a_balloon_that_misses_less_than_a_block_does_not_wait_for_reports_of_the_kernel() {
    let (mut balloon, device, ledger) = start(TestPlatform::allocate_blocks);
    // Two reports of 16 blocks have all 32 descriptors.
    assert_eq!(balloon.service_reporting(), Ok(Progress::Waiting));
    assert_eq!(ledger.allocated_frames().len() as u32, 32 * BLOCK);
    assert!(ledger.use_frames(usize::MAX) > 0);
    device.set_target(BLOCK - 1);
    let step = balloon.service().unwrap();
    assert!(matches!(step, Step::Paused(pause) if pause.reason == PauseReason::OutOfFrames), "{step:?}");
}
