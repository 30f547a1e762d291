//! Frames from the kernel: chosen by the kernel, in unusual runs, or invalid. Also guest memory that does not start at 0.

mod common;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::error::{FrameError, NewError};
use aerostat_balloon::ops::{Pause, PauseReason};
use aerostat_balloon::{
    Balloon, BalloonError, FrameRun, FrameSize, Frames, Options, Pages, Ready, Size4KiB, Size16KiB, Size64KiB, Step,
};
use aerostat_device::{BalloonDevice, Event, Ledger, MemoryLayout, QueueKind, TestPlatform, Work};
use common::changed::{Changed, Changes};
use common::{Bus, TellHost, assert_all_returned, assert_clean, bus, live, probe, settle};

/// Runs as first frame and count.
type Runs = Rc<RefCell<VecDeque<(u64, u32)>>>;

/// A kernel whose frames are only numbers. The test chooses the runs that it allocates.
struct Scripted {
    range: Range<u64>,
    /// Runs that the balloon will get.
    to_allocate: Runs,
    /// Runs that the balloon has returned.
    returned: Runs,
}

impl Changes for Scripted {
    fn range(&self, _memory: &TestPlatform) -> Range<u64> {
        self.range.clone()
    }

    fn free_frames(&self, _memory: &TestPlatform) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, _memory: &mut TestPlatform, _max: u32) -> Option<FrameRun<Size4KiB>> {
        let (first, count) = self.to_allocate.borrow_mut().pop_front()?;
        Some(run(first, count))
    }

    fn deallocate(&mut self, _memory: &mut TestPlatform, run: FrameRun<Size4KiB>) {
        self.returned.borrow_mut().push_back((run.first(), run.count()));
    }
}

struct Kernel {
    balloon: Balloon<Ready<Bus, Changed<Scripted>, TellHost>>,
    device: BalloonDevice,
    ledger: Ledger,
    to_allocate: Runs,
    returned: Runs,
}

impl Kernel {
    fn new(range: Range<u64>) -> Self {
        let device = BalloonDevice::builder().memory(8 << 20).work(Work::Acknowledge).inline().start().unwrap();
        let memory = TestPlatform::of(&device).unwrap();
        let (ledger, to_allocate, returned) = (memory.ledger(), Runs::default(), Runs::default());
        let script = Scripted { range, to_allocate: to_allocate.clone(), returned: returned.clone() };
        let balloon = probe(&device, Changed::new(memory, script), Options::new(TellHost));
        Self { balloon, device, ledger, to_allocate, returned }
    }

    /// Takes the frames that were returned so far, sorted.
    fn take_returned(&self) -> Vec<u64> {
        let mut frames: Vec<u64> =
            self.returned.take().into_iter().flat_map(|(first, count)| first..first + u64::from(count)).collect();
        frames.sort_unstable();
        frames
    }

    /// Deflates the balloon completely, and forgets the frames that were returned.
    fn empty(&mut self) {
        while self.balloon.drain() != Ok(Step::OnTarget) {}
        self.returned.borrow_mut().clear();
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

/// Returns why the balloon pauses, if the kernel has only frames that it cannot take.
fn unusable(step: Result<Step, BalloonError>) -> Option<FrameError> {
    match step {
        Ok(Step::Paused(Pause { reason: PauseReason::Unusable(error), .. })) => Some(error),
        _ => None,
    }
}

fn run(first: u64, count: u32) -> FrameRun<Size4KiB> {
    // SAFETY: the frames are only numbers: the device of these tests only acknowledges arrays.
    unsafe { FrameRun::from_raw(first, count) }
}

/// Page numbers have 32 bits: frames at or above 16 TiB are rejected, never truncated.
#[test]
fn frames_above_16_tib_are_rejected_and_returned() {
    let mut kernel = Kernel::new((1 << 32) - 100..(1 << 32) + 100);
    kernel.device.set_target(50);
    for (first, count) in
        [(1 << 32, 1), ((1 << 32) - 1, 2), ((1 << 32) - 30, 31), (1 << 52, 1), (u64::MAX, 1), (u64::MAX, u32::MAX)]
    {
        kernel.to_allocate.borrow_mut().push_back((first, count));
        let step = kernel.balloon.service();
        let returned: u64 = kernel.returned.take().iter().map(|(_, count)| u64::from(*count)).sum();
        let below = (1_u64 << 32).saturating_sub(first);
        assert_eq!(returned, u64::from(count) - below, "{first:#x}: all frames above");
        if below == 0 {
            let error = unusable(step);
            let is_rejected = matches!(error, Some(FrameError::TooHigh { .. } | FrameError::OutsideRange { .. }));
            assert!(is_rejected, "{first:#x}: {error:?}");
        }
        let _ = kernel.settle().unwrap();
        assert_eq!(u64::from(kernel.balloon.size().0), below, "{first:#x}: all frames below");
        kernel.empty();
        if count < 50 {
            let rejected = kernel.balloon.inflate_with(run(first, count)).unwrap_err();
            assert_eq!(rejected.error, BalloonError::Frame(FrameError::TooHigh { frame: first }));
            assert_eq!(
                (rejected.run.as_ref().unwrap().first(), rejected.run.as_ref().unwrap().count()),
                (first, count)
            );
        }
    }
    assert_eq!(kernel.balloon.inflate_with(run((1 << 32) - 1, 1)).map_err(|rejected| rejected.error), Ok(()));
    kernel.to_allocate.borrow_mut().push_back(((1 << 32) - 50, 49));
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(50)));
}

#[test]
fn frames_outside_the_range_are_rejected_and_returned() {
    let mut kernel = Kernel::new(1000..2000);
    kernel.device.set_target(50);
    for (first, count) in [(999, 1), (999, 2), (0, 1), (2000, 1), (1999, 2), (1990, 50)] {
        kernel.to_allocate.borrow_mut().push_back((first, count));
        let step = kernel.balloon.service();
        let frames = first..first + u64::from(count);
        let (inside, outside): (Vec<u64>, Vec<u64>) = frames.partition(|frame| (1000..2000).contains(frame));
        assert_eq!(kernel.take_returned(), outside);
        if inside.is_empty() {
            assert_eq!(unusable(step), Some(FrameError::OutsideRange { frame: first }));
        }
        assert!(inside.iter().all(|frame| kernel.balloon.contains(*frame)), "{first}+{count}");
        kernel.empty();
        let rejected = kernel.balloon.inflate_with(run(first, count)).unwrap_err();
        assert_eq!(rejected.error, FrameError::OutsideRange { frame: first }.into());
    }
    for (first, count) in [(1000, 1), (1999, 1), (1980, 19), (1001, 29)] {
        kernel.to_allocate.borrow_mut().push_back((first, count));
    }
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    let frozen = kernel.balloon.freeze(&mut common::spin()).map_err(|live| live.error).unwrap();
    drop(frozen);
    assert!(kernel.ledger.all_returned());
}

/// A frame that the kernel allocates twice is in the balloon once, and is not returned while it is there.
#[test]
fn a_double_allocation_is_an_error() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(100);
    kernel.to_allocate.borrow_mut().extend([(10, 40), (49, 1)]);
    assert_eq!(kernel.settle(), Err(FrameError::DoubleAllocation { frame: 49 }.into()));
    let rejected = kernel.balloon.inflate_with(run(0, 11)).unwrap_err();
    assert_eq!(rejected.error, FrameError::DoubleAllocation { frame: 0 }.into());
    assert!(rejected.run.is_none(), "the kernel would use a ballooned frame");
    assert_eq!(kernel.take_returned(), (0..10).collect::<Vec<_>>(), "the frames that are not in the balloon");
    kernel.to_allocate.borrow_mut().push_back((50, 60));
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(100)));
    kernel.device.set_target(0);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    assert_eq!(kernel.take_returned(), (10..110).collect::<Vec<_>>(), "each frame is returned once");
}

/// The step ends with an error or a pause. The device is notified of the frames before in any case.
#[test]
fn the_device_is_notified_of_the_frames_before_a_rejected_one() {
    for rejected in [(49, 1), (1 << 40, 1), (5000, 3)] {
        let mut kernel = Kernel::new(0..5000);
        kernel.device.set_target(100);
        kernel.device.clear_events();
        kernel.to_allocate.borrow_mut().extend([(10, 40), rejected]);
        let _ = kernel.balloon.service();
        let is_notified = |event: &Event| *event == Event::Notified { queue: 0 };
        let is_used = |event: &Event| matches!(event, Event::Completed { queue: 0, .. });
        let events = kernel.device.events();
        assert!(events.iter().any(is_notified) && events.iter().any(is_used), "{rejected:?}: {events:?}");
    }
}

/// A run may overlap ballooned frames: the other frames of the run are returned.
#[test]
fn only_the_frames_outside_the_balloon_are_returned_from_a_double_allocation() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(100);
    kernel.to_allocate.borrow_mut().extend([(10, 5), (20, 5), (5, 25)]);
    let error = kernel.settle().unwrap_err();
    assert!(matches!(error, BalloonError::Frame(FrameError::DoubleAllocation { .. })), "{error:?}");
    let expected: Vec<u64> = (5..10).chain(15..20).chain(25..30).collect();
    assert_eq!(kernel.take_returned(), expected);
}

/// A run may overlap ballooned frames and also be too long or outside the range.
#[test]
fn ballooned_frames_are_not_returned_from_invalid_runs() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(30);
    kernel.to_allocate.borrow_mut().extend([(10, 15), (4990, 10), (5, 25)]);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    assert_eq!(kernel.take_returned(), (25..30).collect::<Vec<_>>(), "frames 10 to 24 are in the balloon");
    kernel.device.set_target(50);
    kernel.to_allocate.borrow_mut().push_back((4985, 20));
    assert_eq!(kernel.settle(), Err(FrameError::DoubleAllocation { frame: 4985 }.into()));
    assert_eq!(kernel.take_returned(), (4985..4990).chain(5000..5005).collect::<Vec<_>>());
}

/// An invalid run follows valid runs in the same array: the device gets the valid ones.
#[test]
fn an_invalid_run_does_not_affect_the_runs_before_it() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(600);
    kernel.to_allocate.borrow_mut().extend([(0, 100), (200, 100), (1 << 40, 3), (300, 56), (356, 256), (612, 88)]);
    assert_eq!(kernel.balloon.service(), Ok(Step::Waiting));
    assert_eq!(kernel.take_returned(), [1 << 40, (1 << 40) + 1, (1 << 40) + 2]);
    assert!(kernel.to_allocate.borrow().is_empty(), "one step takes all frames");
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    assert_eq!(kernel.balloon.size(), Pages(600));
    kernel.device.set_target(0);
    assert_eq!(kernel.settle(), Ok(Step::OnTarget));
    let expected: Vec<u64> = (0..100).chain(200..700).collect();
    assert_eq!(kernel.take_returned(), expected);
}

/// Frames beyond `max` are returned at once. An empty run means that the kernel has no frames.
#[test]
fn runs_that_are_too_long_or_empty_are_accepted() {
    let mut kernel = Kernel::new(0..0x1_0000);
    kernel.device.set_target(300);
    kernel.to_allocate.borrow_mut().push_back((100, 0x8000));
    kernel.to_allocate.borrow_mut().push_back((0xa000, 44));
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(300)));
    assert_eq!(kernel.take_returned(), (100 + 256..100 + 0x8000).collect::<Vec<_>>());
    kernel.device.set_target(310);
    kernel.to_allocate.borrow_mut().push_back((0, 0));
    let Ok(Step::Paused(pause)) = kernel.settle() else { panic!("an empty run was accepted") };
    assert_eq!(pause.reason, PauseReason::OutOfFrames);
    assert_eq!(kernel.balloon.inflate_with(run(0, 0)).map_err(|rejected| rejected.error), Ok(()));
    assert_eq!(kernel.balloon.size(), Pages(300));
}

/// Frames that the kernel chose enter up to the target. They are rejected when all arrays are in flight.
#[test]
fn inflate_with_takes_frames_up_to_the_target() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    let allocate = |balloon: &mut common::Live<Size4KiB>, max| balloon.platform().share().allocate(max).unwrap();
    device.set_target(5000);
    let run = allocate(&mut balloon, 5001);
    let rejected = balloon.inflate_with(run).unwrap_err();
    assert_eq!((rejected.error, rejected.run.as_ref().unwrap().count()), (BalloonError::BeyondTarget, 5001));
    balloon.platform().share().deallocate(rejected.run.unwrap());
    // 16 arrays of 256 frames can be in flight.
    let run = allocate(&mut balloon, 5000);
    let rejected = balloon.inflate_with(run).unwrap_err();
    assert_eq!((rejected.error, rejected.run.as_ref().unwrap().count()), (BalloonError::Busy, 5000 - 4096));
    device.settle(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(balloon.inflate_with(rejected.run.unwrap()).map_err(|rejected| rejected.error), Ok(()));
    device.settle(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!((balloon.service(), device.actual(), device.host_page_count()), (Ok(Step::OnTarget), 5000, 5000));
    // The balloon does not inflate while a deflation is in flight.
    device.set_target(4000);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(6000);
    let run = allocate(&mut balloon, 1);
    let rejected = balloon.inflate_with(run).unwrap_err();
    assert_eq!(rejected.error, BalloonError::Busy);
    balloon.platform().share().deallocate(rejected.run.unwrap());
    assert_clean(&device, &ledger);
}

/// The queue of the device may be shorter than the arrays that may be in flight.
#[test]
fn a_run_enters_as_far_as_the_queue_has_room() {
    for size in [1, 2, 4] {
        let (mut balloon, device, ledger) = live::<Size4KiB>(
            BalloonDevice::builder().queue_size_of(QueueKind::Inflate, size).memory(16 << 20).manual(),
        );
        device.set_target(2048);
        let entries = 256 * u32::from(size);
        let run = balloon.platform().share().allocate(entries + 100).unwrap();
        let rejected = balloon.inflate_with(run).unwrap_err();
        let rest = rejected.run.unwrap();
        assert_eq!((rest.count(), rejected.error), (100, BalloonError::Busy), "a queue of {size}");
        balloon.platform().share().deallocate(rest);
        assert_eq!(ledger.allocated_frames().len(), entries as usize);
        while device.step() {}
        assert_eq!(device.host_page_count(), entries as usize, "the host heard of each page");
        let _ = balloon.service();
        assert_eq!(balloon.size(), Pages(entries));
        assert_clean(&device, &ledger);
    }
}

/// Page numbers are guest addresses; ring addresses are bus addresses.
#[test]
fn guest_memory_may_start_anywhere_and_bus_addresses_may_differ() {
    fn check<S: FrameSize>(base: u64, bus_offset: u64) {
        let layout = MemoryLayout { base, bytes: 32 << 20, bus_offset };
        let (mut balloon, device, ledger) = live::<S>(BalloonDevice::builder().memory_at(layout).inline());
        device.set_target(1000);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let pages = device.host_pages();
        assert_eq!(pages.len() as u32, 1000_u32.next_multiple_of(S::PAGES));
        let guest_pages = u32::try_from(base / 4096).unwrap()..;
        assert!(pages.iter().all(|page| guest_pages.contains(page)), "{base:#x}");
        assert_clean(&device, &ledger);
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
    for (base, bus_offset) in [(0, 0), (0x8000_0000, 0), (0x1_0000_0000, 0), (0x8000_0000, 0x10_0000_0000)] {
        check::<Size4KiB>(base, bus_offset);
        check::<Size16KiB>(base, bus_offset);
        check::<Size64KiB>(base, bus_offset);
    }
}

/// Creates a balloon for a range of frames, on a kernel without private memory.
fn fail_to_create(range: Range<u64>) -> NewError {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let memory = TestPlatform::of(&device).unwrap();
    let ledger = memory.ledger();
    ledger.fail_private();
    let script = Scripted { range, to_allocate: Runs::default(), returned: Runs::default() };
    let created = Balloon::new(bus(&device), Changed::new(memory, script), Options::new(TellHost));
    let error = created.map(drop).map_err(|failed| failed.error).unwrap_err();
    assert_all_returned(&device, &ledger);
    assert_eq!(device.events(), [], "the device is not accessed");
    error
}

#[test]
fn ranges_of_any_size_are_handled() {
    let words = |range| match fail_to_create(range) {
        NewError::NoPrivateMemory { words } => words,
        error => panic!("{error}"),
    };
    // The state, and one bit for each frame.
    let state = words(7..7);
    assert!((1..1024).contains(&state), "{state} words of state");
    assert_eq!(words(0..640), state + 10);
    assert_eq!(words(1000..1001), state + 1);
    // A 32-bit processor cannot address that many words.
    match fail_to_create(0..u64::MAX) {
        NewError::NoPrivateMemory { words } => assert!(words as u64 >= 1 << 58),
        error => assert_eq!((error, usize::BITS), (NewError::RangeTooLarge { frames: u64::MAX }, 32)),
    }
    let mut kernel = Kernel::new(7..7);
    kernel.device.set_target(1);
    kernel.to_allocate.borrow_mut().push_back((7, 1));
    assert_eq!(unusable(kernel.settle()), Some(FrameError::OutsideRange { frame: 7 }));
}

/// A kernel whose allocator returns the highest frames first, and that has got memory above the range.
#[test]
fn a_step_goes_on_behind_frames_that_the_balloon_cannot_take() {
    let mut kernel = Kernel::new(0..5000);
    kernel.device.set_target(300);
    // Adjacent frames are held as one run.
    kernel.to_allocate.borrow_mut().extend((5000..5100).rev().map(|frame| (frame, 1)));
    kernel.to_allocate.borrow_mut().extend([(6000, 16), (7000, 8), (100, 200), (8000, 1), (300, 56), (356, 44)]);
    assert_eq!(kernel.balloon.service(), Ok(Step::Waiting));
    assert_eq!(kernel.returned.take().len(), 4, "one call for each run");
    assert_eq!((kernel.settle(), kernel.balloon.size()), (Ok(Step::OnTarget), Pages(300)));
    // A step is bounded.
    kernel.device.set_target(301);
    kernel.to_allocate.borrow_mut().extend((0..10_000_u64).map(|frame| (10_000 + frame, 1)));
    assert!(unusable(kernel.balloon.service()).is_some());
    assert!(kernel.to_allocate.borrow().len() >= 10_000 - 256);
    kernel.to_allocate.borrow_mut().clear();
    kernel.to_allocate.borrow_mut().extend((0..20_u64).map(|run| (10_000 + 2 * run, 1)));
    kernel.returned.borrow_mut().clear();
    assert!(unusable(kernel.balloon.service()).is_some());
    assert_eq!(kernel.take_returned(), (0..9).map(|run| 10_000 + 2 * run).collect::<Vec<_>>(), "few runs are held");
}

/// A kernel that allocates one word of private memory less than requested.
struct ShortOfMemory {
    requested: Rc<RefCell<Vec<usize>>>,
}

impl Changes for ShortOfMemory {
    fn allocate_private(&mut self, memory: &mut TestPlatform, words: usize) -> Option<&'static mut [u64]> {
        self.requested.borrow_mut().push(words);
        memory.allocate_private(words - 1)
    }
}

#[test]
fn private_memory_that_is_too_small_is_returned_with_transport_and_platform() {
    let device = BalloonDevice::builder().inline().start().unwrap();
    let memory = TestPlatform::of(&device).unwrap();
    let ledger = memory.ledger();
    let requested = Rc::default();
    let kernel = Changed::new(memory, ShortOfMemory { requested: Rc::clone(&requested) });
    let failed = Balloon::new(bus(&device), kernel, Options::new(TellHost)).map(drop).unwrap_err();
    let NewError::NoPrivateMemory { words } = failed.error else { panic!("{}", failed.error) };
    assert_eq!(*requested.borrow(), [words], "the error has the length that was requested");
    assert_all_returned(&device, &ledger);
    assert_eq!(device.events(), [], "the device is not accessed");
}
