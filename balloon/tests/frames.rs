//! Frames that a kernel gives: by its own choice, in odd runs, or wrongly. And memory that does not start at 0.

mod common;

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::transport::{Dma, DmaRegion};
use aerostat_balloon::{
    Balloon, BalloonError, FrameError, FrameRun, FrameSize, Frames, MustTellHost, Pages, PrivateMemory, ProbeError,
    Ready, Size4KiB, Size16KiB, Size64KiB, Step,
};
use aerostat_device::{BalloonDevice, Ledger, MemoryLayout, TestPlatform, Work};
use common::{Bus, Told, assert_clean, assert_settled, bus, live, settle};

/// Runs that the kernel will give, as first frame and count, and those that came back.
type Runs = Rc<RefCell<VecDeque<(u64, u32)>>>;

/// A kernel whose frames are only numbers, given as the test says.
struct Scripted {
    memory: TestPlatform<Size4KiB>,
    span: Range<u64>,
    give: Runs,
    back: Runs,
}

impl Frames for Scripted {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        self.span.clone()
    }

    fn allocate(&mut self, _most: u32) -> Option<FrameRun<Size4KiB>> {
        let (first, count) = self.give.borrow_mut().pop_front()?;
        // SAFETY: nobody uses these frames: the device of these tests only acknowledges what it is told.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        self.back.borrow_mut().push_back((run.first(), run.count()));
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.memory.allocate_private(words)
    }

    fn deallocate_private(&mut self, memory: PrivateMemory) {
        self.memory.deallocate_private(memory);
    }
}

// SAFETY: the memory is that of a platform that keeps the contract.
unsafe impl Dma for Scripted {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.memory.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.memory.free(region);
    }
}

struct Kernel {
    balloon: Balloon<Ready<Bus, Scripted, Told>>,
    device: BalloonDevice,
    ledger: Ledger,
    give: Runs,
    back: Runs,
}

impl Kernel {
    fn new(span: Range<u64>) -> Self {
        let device = BalloonDevice::builder().memory(8 << 20).work(Work::Acknowledge).inline().start().unwrap();
        let memory = TestPlatform::of(&device).unwrap();
        let (ledger, give, back) = (memory.ledger(), Runs::default(), Runs::default());
        let platform = Scripted { memory, span, give: give.clone(), back: back.clone() };
        let balloon = Balloon::new(bus(&device), platform).require(MustTellHost).probe();
        let balloon = balloon.map_err(|failed| failed.error).unwrap();
        Self { balloon, device, ledger, give, back }
    }

    /// Frames that came back so far, in order.
    fn back(&self) -> Vec<u64> {
        let mut frames: Vec<u64> =
            self.back.take().into_iter().flat_map(|(first, count)| first..first + u64::from(count)).collect();
        frames.sort_unstable();
        frames
    }

    fn settle(&mut self) -> Result<Step, BalloonError> {
        loop {
            match self.balloon.service() {
                Ok(Step::Waiting) => {}
                end => return end,
            }
        }
    }
}

fn run(first: u64, count: u32) -> FrameRun<Size4KiB> {
    // SAFETY: nobody uses these frames: the device of these tests only acknowledges what it is told.
    unsafe { FrameRun::from_raw(first, count) }
}

/// Page numbers have 32 bits: what is at or above 16 TiB is refused, never cut.
#[test]
fn frames_above_16_tib_are_refused_and_handed_back() {
    let mut kernel = Kernel::new((1 << 32) - 100..(1 << 32) + 100);
    kernel.device.set_target(50);
    for (first, count) in
        [(1 << 32, 1), ((1 << 32) - 1, 2), ((1 << 32) - 30, 31), (1 << 52, 1), (u64::MAX, 1), (u64::MAX, u32::MAX)]
    {
        kernel.give.borrow_mut().push_back((first, count));
        let error = kernel.settle().unwrap_err();
        assert!(
            matches!(error, BalloonError::Frame(FrameError::TooHigh { .. } | FrameError::OutsideSpan { .. })),
            "{first:#x}: {error:?}"
        );
        let back: u64 = kernel.back.take().iter().map(|(_, count)| u64::from(*count)).sum();
        assert_eq!(back, u64::from(count), "{first:#x}: all of it");
        if count < 50 {
            let rejected = kernel.balloon.inflate_with(run(first, count)).unwrap_err();
            assert_eq!(rejected.error, BalloonError::Frame(FrameError::TooHigh { frame: first }));
            assert_eq!((rejected.run.first(), rejected.run.count()), (first, count));
        }
    }
    assert_eq!(kernel.balloon.inflate_with(run((1 << 32) - 1, 1)).map_err(|rejected| rejected.error), Ok(()));
    kernel.give.borrow_mut().push_back(((1 << 32) - 50, 49));
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(50)));
}

#[test]
fn frames_outside_the_span_are_refused_and_handed_back() {
    let mut kernel = Kernel::new(1000..2000);
    kernel.device.set_target(50);
    for (first, count) in [(999, 1), (999, 2), (0, 1), (2000, 1), (1999, 2), (1990, 50)] {
        kernel.give.borrow_mut().push_back((first, count));
        assert_eq!(kernel.settle(), Err(FrameError::OutsideSpan { frame: first }.into()));
        assert_eq!(kernel.back(), (first..first + u64::from(count)).collect::<Vec<_>>());
        let rejected = kernel.balloon.inflate_with(run(first, count)).unwrap_err();
        assert_eq!(rejected.error, FrameError::OutsideSpan { frame: first }.into());
    }
    for (first, count) in [(1000, 1), (1999, 1), (1980, 19), (1001, 29)] {
        kernel.give.borrow_mut().push_back((first, count));
    }
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    let frozen = kernel.balloon.freeze(&mut common::spin()).map_err(|held| held.error).unwrap();
    drop(frozen);
    assert!(kernel.ledger.is_settled());
}

/// A frame that the kernel gives twice is in the balloon once, and is not given back while it is there.
#[test]
fn frames_given_twice_are_noticed() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(100);
    kernel.give.borrow_mut().extend([(10, 40), (49, 1)]);
    assert_eq!(kernel.settle(), Err(FrameError::Twice { frame: 49 }.into()));
    let rejected = kernel.balloon.inflate_with(run(0, 11)).unwrap_err();
    assert_eq!(rejected.error, FrameError::Twice { frame: 0 }.into());
    assert!(kernel.back().is_empty(), "given back, it would be used");
    kernel.give.borrow_mut().push_back((50, 60));
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(100)));
    kernel.device.set_target(0);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    assert_eq!(kernel.back(), (10..110).collect::<Vec<_>>(), "each frame once");
}

/// Of a run that is in the balloon in part, the rest is in nobody's hands: it goes back.
#[test]
fn what_is_not_in_the_balloon_of_a_run_given_twice_goes_back() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(100);
    kernel.give.borrow_mut().extend([(10, 5), (20, 5), (5, 25)]);
    let error = kernel.settle().unwrap_err();
    assert!(matches!(error, BalloonError::Frame(FrameError::Twice { .. })), "{error:?}");
    let expected: Vec<u64> = (5..10).chain(15..20).chain(25..30).collect();
    assert_eq!(kernel.back(), expected);
}

/// A run may be wrong and hold frames of the balloon as well: what is more than asked for, or outside the span.
#[test]
fn frames_of_the_balloon_stay_in_it_whatever_is_wrong_with_the_run_they_are_given_in() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(30);
    kernel.give.borrow_mut().extend([(10, 15), (4990, 10), (5, 25)]);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    assert_eq!(kernel.back(), (25..30).collect::<Vec<_>>(), "without 10 to 24, which are in the balloon");
    kernel.device.set_target(50);
    kernel.give.borrow_mut().push_back((4985, 20));
    assert_eq!(kernel.settle(), Err(FrameError::OutsideSpan { frame: 4985 }.into()));
    assert_eq!(kernel.back(), (4985..4990).chain(5000..5005).collect::<Vec<_>>());
}

/// A wrong frame behind good ones in the same array: the good ones are told and kept.
#[test]
fn a_wrong_run_does_not_spoil_those_before_it() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(600);
    kernel.give.borrow_mut().extend([(0, 100), (200, 100), (1 << 40, 3), (300, 256), (556, 144)]);
    assert_eq!(kernel.balloon.service(), Err(FrameError::TooHigh { frame: 1 << 40 }.into()));
    assert_eq!(kernel.back(), [1 << 40, (1 << 40) + 1, (1 << 40) + 2]);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    assert_eq!(kernel.balloon.size(), Pages(600));
    kernel.device.set_target(0);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    let expected: Vec<u64> = (0..100).chain(200..700).collect();
    assert_eq!(kernel.back(), expected);
}

/// What is more than asked for goes back at once; a run of nothing is no run.
#[test]
fn runs_of_any_length_are_taken_as_far_as_they_are_wanted() {
    let mut kernel = Kernel::new(0..0x1_0000);
    kernel.device.set_target(300);
    kernel.give.borrow_mut().push_back((100, 0x8000));
    kernel.give.borrow_mut().push_back((0xa000, 44));
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(300)));
    assert_eq!(kernel.back(), (100 + 256..100 + 0x8000).collect::<Vec<_>>());
    kernel.device.set_target(310);
    kernel.give.borrow_mut().push_back((0, 0));
    assert!(matches!(kernel.settle(), Ok(Step::OutOfFrames { .. })), "a run of nothing is none");
    assert_eq!(kernel.balloon.inflate_with(run(0, 0)).map_err(|rejected| rejected.error), Ok(()));
    assert_eq!(kernel.balloon.size(), Pages(300));
}

/// The kernel's own choice: up to the target, in as many arrays as it takes, and back to the kernel where they are full.
#[test]
fn chosen_frames_enter_up_to_the_target() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    let give = |balloon: &mut common::Live<Size4KiB>, most| balloon.platform_mut().allocate(most).unwrap();
    device.set_target(5000);
    let run = give(&mut balloon, 5001);
    let rejected = balloon.inflate_with(run).unwrap_err();
    assert_eq!((rejected.error, rejected.run.count()), (BalloonError::BeyondTarget, 5001));
    balloon.platform_mut().deallocate(rejected.run);
    // Sixteen arrays of 256 are as many as fit.
    let run = give(&mut balloon, 5000);
    let rejected = balloon.inflate_with(run).unwrap_err();
    assert_eq!((rejected.error, rejected.run.count()), (BalloonError::Busy, 5000 - 4096));
    device.settle(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(balloon.inflate_with(rejected.run).map_err(|rejected| rejected.error), Ok(()));
    device.settle(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!((balloon.service(), device.actual(), device.host_page_count()), (Ok(Step::OnTarget), 5000, 5000));
    // While the host is told of a deflation, nothing enters.
    device.set_target(4000);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(6000);
    let run = give(&mut balloon, 1);
    let rejected = balloon.inflate_with(run).unwrap_err();
    assert_eq!(rejected.error, BalloonError::Busy);
    balloon.platform_mut().deallocate(rejected.run);
    assert_clean(&device, &ledger);
}

/// Page numbers are addresses of the guest, rings are addresses of the bus.
#[test]
fn memory_may_start_anywhere_and_the_bus_may_see_it_elsewhere() {
    fn check<S: FrameSize>(base: u64, bus_offset: u64) {
        let layout = MemoryLayout { base, bytes: 32 << 20, bus_offset };
        let (mut balloon, device, ledger) = live::<S>(BalloonDevice::builder().memory_at(layout).inline());
        device.set_target(1000);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let pages = device.host_pages();
        assert_eq!(pages.len() as u32, 1000_u32.next_multiple_of(S::PAGES));
        let inside = u32::try_from(base / 4096).unwrap()..;
        assert!(pages.iter().all(|page| inside.contains(page)), "{base:#x}");
        assert_clean(&device, &ledger);
        drop(balloon);
        assert_settled(&device, &ledger);
    }
    for (base, bus_offset) in [(0, 0), (0x8000_0000, 0), (0x1_0000_0000, 0), (0x8000_0000, 0x10_0000_0000)] {
        check::<Size4KiB>(base, bus_offset);
        check::<Size16KiB>(base, bus_offset);
        check::<Size64KiB>(base, bus_offset);
    }
}

/// A span that no address space has, and one without frames.
#[test]
fn spans_of_any_size_are_answered() {
    let probe = |span: Range<u64>| {
        let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
        let memory = TestPlatform::of(&device).unwrap();
        let ledger = memory.ledger();
        ledger.fail_private();
        let platform = Scripted { memory, span, give: Runs::default(), back: Runs::default() };
        let probed = Balloon::new(bus(&device), platform).require(MustTellHost).probe();
        let error = probed.map(drop).map_err(|failed| failed.error).unwrap_err();
        assert!(ledger.is_settled());
        error
    };
    assert_eq!(probe(0..640), ProbeError::NoPrivateMemory { words: 10 });
    assert_eq!(probe(1000..1001), ProbeError::NoPrivateMemory { words: 1 });
    // On a 32-bit processor that many words cannot even be asked for.
    match probe(0..u64::MAX) {
        ProbeError::NoPrivateMemory { words } => assert_eq!(words as u64, 1 << 58),
        error => assert_eq!((error, usize::BITS), (ProbeError::SpanTooLarge { frames: u64::MAX }, 32)),
    }
    let mut kernel = Kernel::new(7..7);
    kernel.device.set_target(1);
    kernel.give.borrow_mut().push_back((7, 1));
    assert_eq!(kernel.settle(), Err(FrameError::OutsideSpan { frame: 7 }.into()));
}
