//! Blocks that the device has for reporting and hinting: what is done to them before they go back to the kernel, and how many of
//! them a report has.

mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::error::FrameError;
use aerostat_balloon::handles::Progress;
use aerostat_balloon::platform::{HintFrames, ReportFrames};
use aerostat_balloon::transport::{DeviceError, InterruptStatus};
use aerostat_balloon::{
    Balloon, BalloonError, FrameRun, Frames, Handles, Options, Ready, Size4KiB, features as declare,
};
use aerostat_device::{BalloonDevice, Builder, Event, Ledger, QueueKind, TestPlatform, Work, features};
use common::changed::{Changed, Changes};
use common::{Bus, assert_all_returned, assert_clean, assert_reset, probe};

declare! {
    struct Blocks {
        FreePageHint: Required,
        PageReporting: Required,
        PagePoison: Optional,
        AccessPlatform: Optional,
    }
}

const OFFERED: u64 = features::FREE_PAGE_HINT | features::PAGE_REPORTING | features::VERSION_1;
const BLOCK: u32 = 1 << 20;
const BLOCK_FRAMES: u32 = BLOCK / 4096;

/// What a test does while the balloon takes a block.
type OnTake = Rc<RefCell<Option<Box<dyn FnOnce()>>>>;

/// What is special in the kernel, which records what it fills. Clones belong to the same kernel.
#[derive(Clone)]
struct Recorded {
    on_take: OnTake,
    /// Frames that were filled with the poison value, and not returned since.
    filled: Rc<RefCell<BTreeSet<u64>>>,
    /// Frames that were returned, and were not filled.
    unfilled: Rc<Cell<usize>>,
    /// If not empty, the frames of blocks are only numbers in this range, starting with the next one.
    numbers: Range<u64>,
    /// Number of blocks that the balloon has taken.
    taken: Rc<Cell<u32>>,
    /// Blocks that the kernel allocates correctly. The next one is a frame too short.
    correct: Rc<Cell<u32>>,
}

type Kernel = Changed<Recorded>;

impl Default for Recorded {
    fn default() -> Self {
        let correct = Rc::new(Cell::new(u32::MAX));
        let (on_take, filled, unfilled, taken) = Default::default();
        Self { on_take, filled, unfilled, numbers: 0..0, taken, correct }
    }
}

impl Recorded {
    /// Returns a block that `allocate` finds, or the next number.
    fn block(
        &mut self,
        memory: &mut TestPlatform,
        frames: u32,
        allocate: fn(&mut TestPlatform, u32) -> Option<FrameRun<Size4KiB>>,
    ) -> Option<FrameRun<Size4KiB>> {
        let block = match self.numbers.is_empty() {
            true => allocate(memory, frames),
            false => {
                let first = self.numbers.start;
                self.numbers.start += u64::from(frames);
                // SAFETY: the frames are only numbers, and the device of that test handles no report.
                (self.numbers.start <= self.numbers.end).then(|| unsafe { FrameRun::from_raw(first, frames) })
            }
        }?;
        if let Some(act) = self.on_take.take() {
            act();
        }
        let Some(left) = self.correct.get().checked_sub(1) else {
            let (block, rest) = block.split(frames - 1);
            memory.deallocate(rest?);
            return Some(block);
        };
        self.correct.set(left);
        self.taken.set(self.taken.get() + 1);
        Some(block)
    }
}

impl Changes for Recorded {
    fn range(&self, memory: &TestPlatform) -> Range<u64> {
        if self.numbers.is_empty() { memory.range() } else { 0..self.numbers.end }
    }

    fn deallocate(&mut self, memory: &mut TestPlatform, run: FrameRun<Size4KiB>) {
        for frame in run.first()..run.first() + u64::from(run.count()) {
            if !self.filled.borrow_mut().remove(&frame) {
                self.unfilled.set(self.unfilled.get() + 1);
            }
        }
        if self.numbers.is_empty() {
            memory.deallocate(run);
        }
    }

    fn allocate_unreported(&mut self, memory: &mut TestPlatform, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.block(memory, frames, TestPlatform::allocate_unreported)
    }

    fn allocate_block(&mut self, memory: &mut TestPlatform, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.block(memory, frames, TestPlatform::allocate_block)
    }

    fn fill(&mut self, memory: &mut TestPlatform, run: &FrameRun<Size4KiB>, value: u32) {
        self.filled.borrow_mut().extend(run.first()..run.first() + u64::from(run.count()));
        if self.numbers.is_empty() {
            memory.fill(run, value);
        }
    }
}

type Whole = Balloon<Ready<Bus, Kernel, Blocks>>;

fn builder(further: u64) -> Builder {
    BalloonDevice::builder().memory(32 << 20).features(OFFERED | further).manual()
}

/// Returns a balloon with blocks of 1 MiB, its device, its ledger, and its kernel.
fn start(builder: Builder) -> (Whole, BalloonDevice, Ledger, Kernel) {
    let device = builder.start().unwrap();
    let kernel = Kernel::new(TestPlatform::of(&device).unwrap(), Recorded::default());
    let (ledger, other) = (kernel.kernel.ledger(), kernel.share());
    let options = Options::new(Blocks).report_block(BLOCK).hint_block(BLOCK).poison_value(0x5aa5_1234);
    (probe(&device, kernel, options), device, ledger, other)
}

/// Reports blocks and hints others. Returns the number of frames of all blocks.
fn send_blocks(balloon: &mut Whole, device: &BalloonDevice, ledger: &Ledger) -> usize {
    // The reports leave nothing for hints otherwise.
    let kept = ledger.use_frames(12 * BLOCK_FRAMES as usize);
    assert_eq!(balloon.service_reporting(), Ok(Progress::Waiting));
    ledger.free_used_frames();
    assert!(kept > 0);
    let reported = ledger.allocated_frames().len();
    let _ = device.start_hinting();
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(Progress::Waiting));
    let all = ledger.allocated_frames().len();
    assert!(reported > 0 && all > reported, "{reported} of {all} frames are reported");
    all
}

fn settle(device: &BalloonDevice) {
    while device.step() {}
}

/// The device must not access memory that the kernel uses.
#[test]
fn blocks_are_unmapped_before_they_go_back() {
    for ends_early in [false, true] {
        let (mut balloon, device, ledger, _) = start(builder(features::ACCESS_PLATFORM));
        let before = ledger.mappings();
        let blocks = send_blocks(&mut balloon, &device, &ledger) / BLOCK_FRAMES as usize;
        assert_eq!(ledger.mappings(), before + blocks);
        if !ends_early {
            settle(&device);
            let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
            assert_eq!(balloon.reclaim_hinted(1), Ok(BLOCK_FRAMES));
            settle(&device);
            device.finish_hinting();
            let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
            let is_idle = (0..100).any(|_| {
                settle(&device);
                balloon.service_reporting().unwrap() == Progress::Idle
            });
            assert!(is_idle, "each block is reported once");
            assert_eq!((ledger.allocated_frames().len(), ledger.mappings()), (0, before));
        }
        assert_clean(&device, &ledger);
        drop(balloon);
        assert_eq!(ledger.mappings(), 0, "ends early: {ends_early}");
        assert_all_returned(&device, &ledger);
    }
}

/// The host may have discarded the contents, and the kernel relies on them.
#[test]
fn blocks_contain_the_poison_value_when_the_balloon_ends() {
    for is_used in [false, true] {
        let (mut balloon, device, ledger, kernel) = start(builder(features::PAGE_POISON));
        let frames = send_blocks(&mut balloon, &device, &ledger);
        assert!(frames > 0);
        if is_used {
            settle(&device);
        }
        // Reported blocks were filled before the device got them, too.
        kernel.changes.filled.borrow_mut().clear();
        kernel.changes.unfilled.set(0);
        drop(balloon);
        assert_eq!((ledger.allocated_frames().len(), kernel.changes.unfilled.get()), (0, 0), "used: {is_used}");
        assert_all_returned(&device, &ledger);
    }
}

/// The balloon has returned all blocks that it knew. It did not know this one yet.
#[test]
fn a_block_that_is_taken_while_the_balloon_ends_goes_back() {
    for is_hinted in [false, true] {
        for is_platform in [0, features::ACCESS_PLATFORM] {
            let (balloon, device, ledger, mut kernel) = start(builder(is_platform));
            let Handles { balloon, mut reporting, mut hinting, statistics: _ } = balloon.split();
            let _ = device.start_hinting();
            *kernel.changes.on_take.borrow_mut() = Some(Box::new(|| drop(balloon)));
            let result = match is_hinted {
                true => hinting.service(&mut kernel, InterruptStatus::ANY),
                false => reporting.service(&mut kernel),
            };
            assert!(
                matches!(result, Err(BalloonError::NotLive | BalloonError::Device(DeviceError::Resetting))),
                "{result:?}"
            );
            assert_eq!(ledger.allocated_frames().len(), 0, "hinted: {is_hinted}");
            // A notification of the buffers before may still follow the reset: contexts share no lock.
            assert_eq!(ledger.violations(), []);
            drop((reporting, hinting));
            assert_eq!(ledger.allocated_frames().len(), 0);
        }
    }
}

/// A block that the kernel has allocated wrongly ends the step with an error. The device is notified of the blocks before it.
#[test]
fn the_device_is_notified_of_the_blocks_before_a_rejected_one() {
    for (is_hinted, kind) in [(false, QueueKind::Reporting), (true, QueueKind::FreePage)] {
        let (mut balloon, device, ledger, kernel) = start(builder(0));
        let queue = device.queue_number(kind).unwrap();
        let _ = device.start_hinting();
        device.clear_events();
        kernel.changes.correct.set(3);
        let error = match is_hinted {
            true => balloon.service_hinting(InterruptStatus::ANY).unwrap_err(),
            false => balloon.service_reporting().unwrap_err(),
        };
        assert!(matches!(error, BalloonError::Frame(FrameError::NotABlock { .. })), "{error}");
        assert!(device.events().contains(&Event::Notified { queue }), "{kind:?}: {:?}", device.events());
        assert_eq!(ledger.allocated_frames().len(), 3 * BLOCK_FRAMES as usize);
        drop(balloon);
        assert_reset(&device, &ledger);
    }
}

/// A call looks at a limited part of the bitmap. The next one continues there.
#[test]
fn hinted_blocks_far_behind_others_come_back_in_a_later_call() {
    let device = builder(0).start().unwrap();
    let numbers = Recorded { numbers: 300_000..300_020, ..Recorded::default() };
    let kernel = Kernel::new(TestPlatform::of(&device).unwrap(), numbers);
    let mut other = kernel.share();
    let options = Options::new(Blocks).hint_block(4096);
    let mut handles = probe(&device, kernel, options).split();
    let _ = device.start_hinting();
    assert_eq!(handles.hinting.service(&mut other, InterruptStatus::ANY), Ok(Progress::Waiting));
    settle(&device);
    let mut reclaimed = 0;
    for _ in 0..10 {
        reclaimed += handles.hinting.reclaim_hinted(&mut other, u32::MAX).unwrap();
    }
    assert!(reclaimed > 20);
    assert_eq!(reclaimed, other.changes.taken.get());
}

/// The length of a buffer has 32 bits.
#[test]
fn a_report_is_shorter_than_4_gib() {
    const GIB: u32 = 1 << 30;
    let device = builder(0).work(Work::Acknowledge).start().unwrap();
    let numbers = Recorded { numbers: 0..64 << 18, ..Recorded::default() };
    let kernel = Kernel::new(TestPlatform::of(&device).unwrap(), numbers);
    let options = Options::new(Blocks).report_block(GIB);
    let mut other = kernel.share();
    let mut handles = probe(&device, kernel, options).split();
    assert_eq!(handles.reporting.service(&mut other), Ok(Progress::Waiting));
    assert_eq!((handles.reporting.in_flight(), other.changes.taken.get()), (2, 2 * 3), "two reports of three blocks");
}
