//! A kernel whose allocator has memory outside the range that the balloon knows, and returns it first.

mod common;

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::error::FrameError;
use aerostat_balloon::handles::Progress;
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::transport::{InterruptStatus, Numbering};
use aerostat_balloon::{Balloon, BalloonError, Frames, Options, Pages, Ready, Size4KiB, Step, features as declare};
use aerostat_device::{BalloonDevice, Ledger, Runs, TestPlatform, features};
use common::kernel::Kernel;
use common::{Bus, assert_all_returned, polls, probe, settle};

declare! { struct Blocks { FreePageHint: Required, PageReporting: Required } }

const OFFERED: u64 = features::FREE_PAGE_HINT | features::PAGE_REPORTING | features::VERSION_1;
const BLOCK: u32 = 64 << 10;
const BLOCK_FRAMES: u32 = BLOCK / 4096;

type Live = Balloon<Ready<Bus, Kernel, Blocks>>;

/// Starts a balloon that knows the part of the kernel's memory that `known` returns.
fn start(heeds_usable: bool, known: impl Fn(Range<u64>) -> Range<u64>) -> (Live, BalloonDevice, Ledger) {
    let device = BalloonDevice::builder().memory(64 << 20).features(OFFERED).inline().start().unwrap();
    let mut kernel = Kernel::new(TestPlatform::<Size4KiB>::of(&device).unwrap());
    let ledger = kernel.memory.ledger();
    kernel.range = known(kernel.memory.range());
    kernel.heeds_usable = heeds_usable;
    (probe(&device, kernel, options()), device, ledger)
}

fn options() -> Options<Blocks> {
    Options::new(Blocks).hint_block(BLOCK).report_block(BLOCK).numbering(Numbering::Specification)
}

/// The range without its first `frames` frames.
fn behind(frames: u64) -> impl Fn(Range<u64>) -> Range<u64> {
    move |range| range.start + frames..range.end
}

/// Takes every second block of the first `frames` frames, so that the other ones are not adjacent.
fn fragment(balloon: &Live, frames: u64) {
    let mut memory = balloon.platform().memory.share();
    let start = balloon.platform().memory.range().start;
    let blocks: Vec<_> = (0..frames / u64::from(BLOCK_FRAMES))
        .map_while(|_| memory.allocate_free_run(BLOCK_FRAMES, BLOCK_FRAMES))
        .collect();
    for block in blocks {
        assert!(block.first() < start + frames);
        if block.first() / u64::from(BLOCK_FRAMES) % 2 == 0 {
            memory.deallocate(block);
        }
    }
}

#[test]
fn an_allocator_that_searches_the_usable_frames_reaches_the_target() {
    let (mut balloon, device, ledger) = start(true, behind(10_000));
    assert_eq!(balloon.platform().usable, balloon.platform().range, "the kernel got the range");
    ledger.set_runs(Runs::AtMost(1));
    device.set_target(3000);
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(3000)));
    assert_eq!(device.host_page_count(), 3000);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// The limits of the page "The balloon".
#[test]
fn an_allocator_that_returns_other_frames_first_pauses_the_balloon_and_loses_nothing() {
    for (runs, frames) in [(Runs::AtMost(1), 10_000), (Runs::Scattered { seed: 5 }, 14_000)] {
        let (mut balloon, device, ledger) = start(false, behind(frames));
        let all = ledger.free_frames();
        ledger.set_runs(runs);
        device.set_target(1500);
        for _ in 0..10 {
            let step = settle(&mut balloon);
            let Step::Paused(pause) = step else { panic!("{step:?}") };
            assert!(matches!(pause.reason, PauseReason::Unusable(FrameError::OutsideRange { .. })), "{pause:?}");
            assert_eq!(ledger.allocated_frames().len(), balloon.size().0 as usize, "the step holds nothing");
        }
        device.set_target(0);
        assert_eq!((settle(&mut balloon), ledger.free_frames()), (Step::OnTarget, all));
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

/// The balloon knows the middle of the run.
#[test]
fn a_run_is_used_between_frames_that_cannot_be() {
    let (mut balloon, device, ledger) = start(false, |range| range.start + 10..range.start + 25);
    let known = balloon.platform().range.clone();
    device.set_target(100);
    let step = settle(&mut balloon);
    let Step::Paused(pause) = step else { panic!("{step:?}") };
    assert!(matches!(pause.reason, PauseReason::Unusable(FrameError::OutsideRange { .. })), "{pause:?}");
    assert!(ledger.allocated_frames().into_iter().eq(known.clone()), "{:?}", ledger.allocated_frames());
    assert_eq!((balloon.size(), device.host_page_count()), (Pages(15), 15));
    assert!(known.clone().all(|frame| balloon.contains(frame)));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn restore_passes_the_larger_range_to_the_kernel() {
    let (mut balloon, device, ledger) = start(true, |range| range.start..range.start + 100);
    let end = Rc::new(Cell::new(0));
    device.set_target(200);
    let step = settle(&mut balloon);
    assert!(matches!(step, Step::Paused(pause) if pause.reason == PauseReason::OutOfFrames), "{step:?}");
    let (bus, mut kernel) = balloon.remove(&mut polls()).map_err(|failed| failed.error).unwrap();
    kernel.grown_to = Rc::clone(&end);
    let mut balloon = probe_on(bus, kernel);
    let old = balloon.platform().usable.clone();
    end.set(old.end + 100);
    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!(frozen.platform().usable, old);
    balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.platform().usable, old.start..old.end + 100);
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(200)));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

fn probe_on(bus: Bus, kernel: Kernel) -> Live {
    let balloon = Balloon::new(bus, kernel, options()).map_err(|failed| failed.error).unwrap();
    balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap()
}

/// Steps until a hint round has ended. Returns the hinted pages.
fn hint(balloon: &mut Live, device: &BalloonDevice) -> usize {
    let _ = device.start_hinting();
    for _ in 0..1000 {
        let progress = balloon.service_hinting(InterruptStatus::ANY);
        if progress == Ok(Progress::Idle) && device.open_round().is_none() {
            return device.hinted_pages().len();
        }
        assert!(progress.is_ok(), "{progress:?}");
    }
    panic!("the driver has not sent STOP");
}

fn report(balloon: &mut Live) {
    for _ in 0..1000 {
        match balloon.service_reporting() {
            Ok(Progress::Waiting) => {}
            end => return assert_eq!(end, Ok(Progress::Idle)),
        }
    }
    panic!("the driver still reports");
}

/// The balloon knows none of the kernel's free memory.
#[test]
fn reporting_is_idle_and_a_hint_round_ends_if_no_block_can_be_used() {
    let (mut balloon, device, ledger) = start(false, |range| range.end..range.end + 1000);
    let all = ledger.free_frames();
    for _ in 0..3 {
        report(&mut balloon);
        assert_eq!(hint(&mut balloon, &device), 0);
        device.finish_hinting();
        assert_eq!(ledger.free_frames(), all, "every block is back");
        assert_eq!(ledger.reported_frames(), 0);
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn usable_blocks_behind_others_are_reported_and_hinted() {
    let (mut balloon, device, ledger) = start(false, behind(2048));
    let all = ledger.free_frames();
    let known = balloon.platform().range.clone();
    assert!(hint(&mut balloon, &device) > 0);
    assert!(device.hinted_pages().iter().all(|page| known.contains(&u64::from(*page))));
    device.finish_hinting();
    let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    assert_eq!(ledger.free_frames(), all);
    report(&mut balloon);
    let reported = ledger.reported_frames();
    assert!(reported > 0 && reported <= (known.end - known.start) as usize, "{reported}");
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// A step holds few blocks that are not adjacent. A kernel that searches the usable frames does not have this limit.
#[test]
fn many_scattered_blocks_that_cannot_be_used_end_the_step() {
    for heeds_usable in [false, true] {
        let (mut balloon, device, ledger) = start(heeds_usable, behind(8192));
        fragment(&balloon, 8192);
        let hinted = hint(&mut balloon, &device);
        device.finish_hinting();
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        report(&mut balloon);
        assert_eq!((ledger.reported_frames() > 0, hinted > 0), (heeds_usable, heeds_usable));
        assert_eq!((device.violations(), ledger.violations()), (vec![], vec![]));
    }
}

/// An error of the kernel does not leave the host waiting for the end of the round.
#[test]
fn a_hint_round_ends_after_an_error() {
    let device = BalloonDevice::builder().memory(64 << 20).features(OFFERED).inline().start().unwrap();
    let mut kernel = Kernel::new(TestPlatform::<Size4KiB>::of(&device).unwrap());
    let ledger = kernel.memory.ledger();
    kernel.cuts_blocks = true;
    let mut balloon = probe(&device, kernel, options());
    let error = |result| matches!(result, Err(BalloonError::Frame(FrameError::NotABlock { .. })));
    for _ in 0..3 {
        let _ = device.start_hinting();
        assert!(error(balloon.service_hinting(InterruptStatus::ANY)));
        assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(Progress::Idle));
        assert_eq!(device.open_round(), None, "the driver has sent STOP");
        assert!(error(balloon.service_reporting()));
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}
