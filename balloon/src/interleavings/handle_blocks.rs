//! Blocks that a handle takes for the device, and a balloon that ends in another context.

use std::sync::Arc;

use aerostat_device::{BalloonDevice, features};
use aerostat_interleavings::loom::thread;
use aerostat_interleavings::model;
use aerostat_transport::{Addressing, Dma};

use super::kernel::{FRAMES, Kernel, Ledger};
use crate::error::BalloonError;
use crate::features::Platform;
use crate::frames::{BlockBitmap, LooseBlocks};
use crate::platform::Frames;
use crate::queues::{Blocks, DeviceState, FillWhen, LiveFlag};
use crate::{FrameRun, Size4KiB};

crate::features! { struct Declared { PageReporting: Required, FreePageHint: Required } }

/// The handle and the balloon, which share blocks and the state of the device.
struct Rig {
    ledger: Arc<Ledger>,
    blocks: Blocks,
    live: Arc<LiveFlag>,
    /// The kernel of the handle, with one free block.
    handle: Kernel,
    /// The kernel of the balloon, with another one.
    balloon: Kernel,
    /// Has the memory.
    device: BalloonDevice,
}

fn rig() -> Rig {
    let device = BalloonDevice::builder().features(features::VERSION_1).manual().start().unwrap();
    let ledger = Ledger::new(2);
    let handle = Kernel::new(&ledger, &device, 0..1);
    let balloon = handle.share(1..2);
    let words = BlockBitmap::words(&ledger.frames(), FRAMES).unwrap();
    let bitmap = BlockBitmap::new(handle.share(0..0).allocate_private(words).unwrap(), &ledger.frames(), FRAMES);
    bitmap.clear_all();
    let mut blocks = Blocks::new(bitmap);
    blocks.set_up(Addressing::Platform(handle.domain()), handle.domain(), None, 0);
    let live = Arc::new(LiveFlag::new());
    live.set(DeviceState::Live);
    Rig { ledger, blocks, live, handle, balloon, device }
}

/// Frames that are in no bitmap: none.
fn loose() -> LooseBlocks {
    LooseBlocks::NEW
}

/// Ends the balloon: the device is reset, and has no block after that.
fn end(blocks: &Blocks, live: &LiveFlag, kernel: &mut Kernel) {
    live.set(DeviceState::Resetting);
    // SAFETY: there is no device.
    unsafe { blocks.return_all::<Kernel, Declared>(&mut loose(), kernel) };
    live.set(DeviceState::NotLive);
}

/// Takes a block from the kernel and adds it to the bitmap. Returns its number, or `None` if the balloon has ended.
fn take(
    blocks: &Blocks,
    live: &LiveFlag,
    kernel: &mut Kernel,
    allocate: fn(&mut Kernel, u32) -> Option<FrameRun<Size4KiB>>,
) -> Option<u32> {
    match blocks.take::<Kernel, Declared>(&mut loose(), kernel, live, FillWhen::Before, allocate) {
        Ok(block) => Some(block.expect("the kernel has a block").number),
        Err(BalloonError::NotLive | BalloonError::Device(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// `work` is what the handle does with a block that it has taken.
fn take_while_ending(work: fn(&Blocks, u32, &mut Kernel)) {
    model(move || {
        let Rig { ledger, blocks, live, mut handle, mut balloon, device } = rig();
        let flag = live.clone();
        let handle = thread::spawn(move || {
            if let Some(number) = take(&blocks, &flag, &mut handle, <Kernel as Platform<Declared>>::block_to_report) {
                work(&blocks, number, &mut handle);
            }
        });
        end(&blocks, &live, &mut balloon);
        handle.join().unwrap();
        assert_eq!(ledger.with_driver(), 0, "a block is lost");
        drop(device);
    });
}

#[test]
fn a_block_that_a_handle_takes_while_the_balloon_ends_goes_back_once() {
    take_while_ending(|_, _, _| {});
}

#[test]
fn a_block_that_the_device_has_returned_goes_back_once() {
    take_while_ending(|blocks, number, kernel| {
        // SAFETY: there is no device.
        if let Some(run) = unsafe { blocks.remove(number, &mut loose(), kernel) } {
            <Kernel as Platform<Declared>>::return_reported(kernel, run);
        }
    });
}

/// The handle took the block before, and the balloon ends while the handle takes it back.
#[test]
fn a_hinted_block_that_is_taken_back_while_the_balloon_ends_goes_back_once() {
    model(|| {
        let Rig { ledger, blocks, live, mut handle, mut balloon, device } = rig();
        let number = take(&blocks, &live, &mut handle, <Kernel as Platform<Declared>>::block_to_hint).unwrap();
        let reclaims = thread::spawn(move || {
            assert_eq!(blocks.find(0, &mut 1).unwrap_or(number), number);
            // SAFETY: there is no device.
            unsafe { blocks.reclaim::<Kernel, Declared>(number, &mut loose(), &mut handle) };
        });
        end(&blocks, &live, &mut balloon);
        reclaims.join().unwrap();
        assert_eq!(ledger.with_driver(), 0, "a block is lost");
        drop(device);
    });
}

/// The balloon returns a block that a handle took in another context: it sees what the handle did to the block.
#[test]
fn the_balloon_sees_what_the_handle_did_to_a_block() {
    model(|| {
        let Rig { ledger, blocks, live, mut handle, mut balloon, device } = rig();
        let flag = live.clone();
        let takes =
            thread::spawn(move || take(&blocks, &flag, &mut handle, <Kernel as Platform<Declared>>::block_to_report));
        let other = take(&blocks, &live, &mut balloon, <Kernel as Platform<Declared>>::block_to_report);
        end(&blocks, &live, &mut balloon);
        assert!(other.is_some());
        let _ = takes.join().unwrap();
        assert_eq!(ledger.with_driver(), 0, "a block is lost");
        drop(device);
    });
}
