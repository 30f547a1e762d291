//! Runs of several blocks for block inflation that the balloon cannot use, or not as a whole: no frame is lost, and none goes back twice.

use aerostat_balloon::error::FrameError;
use aerostat_balloon::platform::BlockFrames;
use aerostat_balloon::{
    Balloon, BalloonError, FrameRun, Frames, Options, Pages, Ready, Size4KiB, Step, features as declare,
};
use aerostat_device::{BalloonDevice, Builder, Event, Ledger, QueueKind, Runs, TestPlatform, When, features};

use crate::common::changed::{Changed, Changes};
use crate::common::{Bus, assert_clean, assert_reset, probe, settle};
use crate::{BLOCK, builder};

declare! { struct Blocks { PageReporting: Required, BlockInflation: Required, AccessPlatform: Optional } }

type Live = Balloon<Ready<Bus, Kernel, Blocks>>;

/// A run that breaks the contract of `allocate_blocks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    /// It has a block more than was asked for.
    TooLong,
    /// It starts with the second frame of a block.
    Unaligned,
    /// It ends before the last frame of a block.
    PartOfABlock,
    /// Its middle block is in the balloon.
    KnownBlock,
}

/// A kernel whose second answer is a mistake. The first one is a block between two others of the kernel.
#[derive(Debug)]
struct Mistaken {
    mistake: Option<Mistake>,
    /// The blocks around the first one.
    around: Vec<FrameRun<Size4KiB>>,
}

type Kernel = Changed<Mistaken>;

impl Mistaken {
    fn wrong_run(
        &mut self,
        memory: &mut TestPlatform,
        mistake: Mistake,
        frames: u32,
        max: u32,
    ) -> Option<FrameRun<Size4KiB>> {
        match mistake {
            Mistake::TooLong => memory.allocate_blocks(frames, max + frames),
            Mistake::Unaligned => {
                let (first, rest) = memory.allocate_blocks(frames, 2 * frames)?.split(1);
                memory.deallocate(first);
                rest
            }
            Mistake::PartOfABlock => {
                let (part, last) = memory.allocate_blocks(frames, 2 * frames)?.split(2 * frames - 1);
                last.into_iter().for_each(|last| memory.deallocate(last));
                Some(part)
            }
            Mistake::KnownBlock => {
                let first = self.around.first()?.first();
                self.around.clear();
                // SAFETY: none. This is the mistake: the frames of the middle block are in the balloon. The test accesses no frame.
                Some(unsafe { FrameRun::from_raw(first, 3 * frames) })
            }
        }
    }
}

impl Changes for Mistaken {
    fn allocate_blocks(&mut self, memory: &mut TestPlatform, frames: u32, max: u32) -> Option<FrameRun<Size4KiB>> {
        if self.mistake.is_none() {
            return memory.allocate_blocks(frames, max);
        }
        if self.around.is_empty() {
            let (before, rest) = memory.allocate_blocks(frames, 3 * frames)?.split(frames);
            let (middle, behind) = rest?.split(frames);
            self.around.extend([before, behind?]);
            return Some(middle);
        }
        let mistake = self.mistake.take()?;
        let run = self.wrong_run(memory, mistake, frames, max);
        self.around.drain(..).for_each(|run| memory.deallocate(run));
        run
    }
}

fn start(builder: Builder, mistake: Option<Mistake>) -> (Live, BalloonDevice, Ledger) {
    let device = builder.memory(32 << 20).start().unwrap();
    let memory = TestPlatform::of(&device).unwrap();
    let ledger = memory.ledger();
    let kernel = Kernel::new(memory, Mistaken { mistake, around: Vec::new() });
    (probe(&device, kernel, Options::new(Blocks)), device, ledger)
}

/// Returns the numbers of pages of each element in reports.
fn reported(device: &BalloonDevice) -> Vec<Vec<u64>> {
    let runs = |event| match event {
        Event::Reported { runs } => Some(runs.iter().map(|run| run.end - run.start).collect()),
        _ => None,
    };
    device.events().into_iter().filter_map(runs).collect()
}

/// The frames of the wrong run go back, except those that are in the balloon. The block before it is reported.
#[test]
fn a_run_that_breaks_the_contract_ends_the_step_and_only_the_blocks_before_it_enter() {
    for more in [0, features::ACCESS_PLATFORM] {
        for mistake in [Mistake::TooLong, Mistake::Unaligned, Mistake::PartOfABlock, Mistake::KnownBlock] {
            let (mut balloon, device, ledger) = start(builder().add_features(more).inline(), Some(mistake));
            device.set_target(4 * BLOCK);
            let error = balloon.service().expect_err(&format!("{mistake:?}"));
            match mistake {
                Mistake::KnownBlock => {
                    assert!(matches!(error, BalloonError::Frame(FrameError::DoubleAllocation { .. })), "{error}");
                }
                _ => {
                    assert!(matches!(error, BalloonError::Frame(FrameError::NotABlock { .. })), "{mistake:?}: {error}")
                }
            }
            assert_eq!(ledger.allocated_frames().len(), BLOCK as usize, "{mistake:?}");
            assert_eq!(settle(&mut balloon), Step::OnTarget, "{mistake:?}");
            assert_eq!((balloon.size(), device.actual()), (Pages(4 * BLOCK), 4 * BLOCK));
            assert_eq!(ledger.allocated_frames().len(), 4 * BLOCK as usize, "{mistake:?}");
            device.set_target(0);
            assert_eq!(settle(&mut balloon), Step::OnTarget);
            assert_eq!((ledger.allocated_frames().len(), ledger.managed().removed), (0, ledger.managed().added));
            assert_clean(&device, &ledger);
            drop(balloon);
            assert_reset(&device, &ledger);
        }
    }
}

/// Blocks are mapped one by one. The ones before the failure are reported, and the others go back and come in arrays.
#[test]
fn blocks_that_cannot_be_mapped_go_back_once_and_the_target_is_reached_by_arrays() {
    for failing in 0..6 {
        let (mut balloon, device, ledger) = start(builder().add_features(features::ACCESS_PLATFORM).inline(), None);
        let mapped = ledger.mappings();
        ledger.fail_mappings(Some(When::At(failing)));
        device.set_target(6 * BLOCK);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!((balloon.size(), device.actual()), (Pages(6 * BLOCK), 6 * BLOCK));
        assert_eq!(balloon.held_in_blocks(), Pages(failing as u32 * BLOCK));
        assert_eq!((ledger.mappings(), ledger.allocated_frames().len()), (mapped, 6 * BLOCK as usize));
        device.set_target(0);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(ledger.allocated_frames().len(), 0);
        assert_clean(&device, &ledger);
        drop(balloon);
        assert_reset(&device, &ledger);
    }
}

/// A queue of one descriptor has room for one element. The next run is not adjacent, and is asked for again when it can be sent.
#[test]
fn a_run_without_an_element_left_goes_back_and_enters_later() {
    let builder = builder().queue_size_of(QueueKind::Reporting, 1).manual();
    let (mut balloon, device, ledger) = start(builder, None);
    // A used frame behind the first two blocks.
    let mut memory = balloon.platform().kernel.share();
    ledger.set_runs(Runs::Contiguous);
    let (blocks, rest) = memory.allocate_blocks(BLOCK, 3 * BLOCK).unwrap().split(2 * BLOCK);
    let (used, rest) = rest.unwrap().split(1);
    memory.deallocate(blocks);
    memory.deallocate(rest.unwrap());
    ledger.set_runs(Runs::AtMost(2 * BLOCK));
    device.set_target(4 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(ledger.allocated_frames().len(), 2 * BLOCK as usize + 1, "one run is with the device");
    let mut steps = (0..10).map(|_| {
        device.step();
        balloon.service().unwrap()
    });
    assert!(steps.any(|step| step == Step::OnTarget));
    assert_eq!(reported(&device), [vec![u64::from(2 * BLOCK)], vec![u64::from(2 * BLOCK)]]);
    assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(4 * BLOCK), Pages(4 * BLOCK)));
    memory.deallocate(used);
    drop(balloon);
    assert_reset(&device, &ledger);
}
