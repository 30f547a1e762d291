//! Split balloons on the in-process device: the reporting handle works in one context while the balloon works or ends in another one.

use std::sync::Arc;

use aerostat_device::{BalloonDevice, QueueViolation, Violation};
use aerostat_interleavings::loom::thread;
use aerostat_interleavings::model_with_stack;

use super::kernel::{Kernel, Ledger};
use super::rig::{Access, Bus, Reports, Rig, STACK, polls, whole};
use crate::{Balloon, BalloonError, Handles, Pages, Split, Step};

type Half = Balloon<Split<Bus, Kernel, Reports>>;
type Halves = Handles<Bus, Kernel, Reports>;

/// A bound for what waits.
const CALLS: usize = 20;

struct SplitRig {
    handles: Halves,
    device: BalloonDevice,
    ledger: Arc<Ledger>,
    /// The kernel of the handle.
    kernel: Kernel,
}

/// Returns a split balloon. `held` blocks are in the balloon and `reported` ones in a report; the device has used their buffers, which
/// were not taken back. The handle's kernel has `free` more blocks.
fn split([held, reported, free]: [u32; 3], access: Access) -> SplitRig {
    let Rig { balloon, device, ledger } = whole(held, held + reported + free, access);
    let [first, second, end] = [held, held + reported, held + reported + free].map(u64::from);
    let (mut reports, handle) = (balloon.platform().share(first..second), balloon.platform().share(second..end));
    let mut handles = balloon.split();
    assert!(handles.reporting.service(&mut reports).is_ok());
    while device.step() {}
    SplitRig { handles, device, ledger, kernel: handle }
}

/// Runs a model in which `work` is what the balloon does in its context while the handle works in another one.
fn beside_the_handle(
    blocks: [u32; 3],
    access: Access,
    work: fn(Half, &BalloonDevice) -> Half,
    end: fn(Halves, &BalloonDevice, &Ledger),
) {
    model_with_stack(STACK, move || {
        let SplitRig { handles, device, ledger, mut kernel } = split(blocks, access);
        let Handles { balloon, mut reporting, statistics, hinting } = handles;
        let service = move || {
            match reporting.service(&mut kernel) {
                Ok(_) | Err(BalloonError::NotLive | BalloonError::Device(_)) => {}
                Err(error) => panic!("{error}"),
            }
            reporting
        };
        let handle = thread::Builder::new().stack_size(STACK).spawn(service).unwrap();
        let balloon = work(balloon, &device);
        let reporting = handle.join().unwrap();
        end(Handles { balloon, reporting, statistics, hinting }, &device, &ledger);
        assert_eq!(ledger.with_driver(), 0, "a block is lost");
        assert_eq!(ledger.managed(), 0, "frames are counted twice");
        let violations = device.violations();
        assert!(violations.iter().all(is_late_notification), "{violations:?}");
    });
}

/// The balloon may reset the device after the handle has added a report and before it notifies the device of that. A device that was reset
/// ignores the notification.
fn is_late_notification(violation: &Violation) -> bool {
    matches!(violation, Violation::Queue(QueueViolation::NotifiedBeforeDriverOk { status: 0, .. }))
}

fn abandon(mut balloon: Half, _device: &BalloonDevice) -> Half {
    balloon.abandon(&mut polls()).unwrap();
    balloon
}

fn nothing_is_left(mut handles: Halves, _device: &BalloonDevice, ledger: &Ledger) {
    assert_eq!(ledger.with_driver(), 0, "the balloon has ended and has blocks");
    assert_eq!(handles.balloon.service(), Err(BalloonError::NotLive));
}

/// The handle takes back a block, and the device gets another one.
#[test]
fn no_reported_block_is_lost_when_the_balloon_ends() {
    beside_the_handle([0, 1, 1], Access::Step, abandon, nothing_is_left);
}

/// The handle acknowledges a block of the balloon.
#[test]
fn no_held_block_is_lost_when_the_balloon_ends() {
    beside_the_handle([1, 0, 0], Access::Step, abandon, nothing_is_left);
}

/// The handle acknowledges blocks while the balloon releases those that are acknowledged.
#[test]
fn a_block_is_released_when_it_is_acknowledged_and_counted() {
    let deflate = |mut balloon: Half, device: &BalloonDevice| {
        device.set_target(0);
        for _ in 0..2 {
            let _ = balloon.service().unwrap();
        }
        balloon
    };
    let end = |mut handles: Halves, device: &BalloonDevice, _ledger: &Ledger| {
        let is_done = (0..CALLS).any(|_| handles.balloon.service() == Ok(Step::OnTarget));
        assert!(is_done, "{:?}", handles.balloon);
        assert_eq!(
            (handles.balloon.size(), handles.balloon.held_in_blocks(), device.actual()),
            (Pages(0), Pages(0), 0)
        );
    };
    beside_the_handle([2, 0, 0], Access::Nothing, deflate, end);
}

/// A kernel drops the handle, and the balloon uses its queue from then on.
#[test]
fn the_balloon_takes_reports_back_after_the_handle_was_dropped() {
    model_with_stack(STACK, || {
        let SplitRig { handles, device, ledger, mut kernel } = split([1, 0, 0], Access::Nothing);
        let Handles { mut balloon, mut reporting, .. } = handles;
        let service = move || {
            reporting.service(&mut kernel).unwrap();
        };
        let handle = thread::Builder::new().stack_size(STACK).spawn(service).unwrap();
        device.set_target(0);
        let _ = balloon.service().unwrap();
        handle.join().unwrap();
        let is_done = (0..CALLS).any(|_| balloon.service() == Ok(Step::OnTarget));
        assert!(is_done, "{balloon:?}");
        assert_eq!((ledger.with_driver(), ledger.managed()), (0, 0));
        assert_eq!(device.violations(), []);
    });
}
