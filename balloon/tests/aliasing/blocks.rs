//! Blocks of a split balloon.

use std::thread;
use std::time::{Duration, Instant};

use aerostat_balloon::transport::{Mmio, Spin};
use aerostat_balloon::{Balloon, Handles, Options, Pages, Split, Step, features};

use crate::device::Registers;
use crate::kernel::Kernel;
use crate::start_with;

features! {
    /// Without MUST_TELL_HOST and a poison value, blocks are inflated.
    struct Blocks {
        StatsVq: Required,
        FreePageHint: Required,
        PageReporting: Required,
        BlockInflation: Required,
    }
}

type BlockParts = Handles<Mmio<Registers>, Kernel, Blocks>;
type BlockSplit = Balloon<Split<Mmio<Registers>, Kernel, Blocks>>;

/// Returns a split balloon with one acknowledged block, two blocks and other frames in flight, and the number of the reporting queue.
fn start_blocks() -> (BlockParts, usize, Registers, Kernel) {
    let (mut balloon, device, kernel) = start_with(Options::new(Blocks).report_block(64 << 10));
    let queue = usize::from(balloon.queue_numbers().reporting.unwrap());
    device.set_config(0, 16);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let mut parts = balloon.split();
    device.use_buffers(queue);
    assert_eq!(parts.balloon.service_with(&mut parts.reporting), Ok(Step::OnTarget));
    device.set_config(0, 56);
    assert_eq!(parts.balloon.service_with(&mut parts.reporting), Ok(Step::Waiting));
    assert_eq!((parts.balloon.size(), parts.balloon.held_in_blocks()), (Pages(16), Pages(48)));
    (parts, queue, device, kernel)
}

/// Follows the target until the balloon is empty. The thread with the handle may run late.
fn empty(balloon: &mut BlockSplit, device: &Registers) {
    device.set_config(0, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        device.use_buffers(0);
        device.use_buffers(1);
        if balloon.service().unwrap() == Step::OnTarget {
            return;
        }
        thread::yield_now();
    }
    panic!("the balloon is not empty: {balloon:?}");
}

#[test]
fn blocks_are_acknowledged_and_released_in_two_threads() {
    for _ in 0..if cfg!(miri) { 2 } else { 50 } {
        let (parts, queue, device, kernel) = start_blocks();
        let Handles { mut balloon, mut reporting, statistics, hinting } = parts;
        device.use_buffers(queue);
        let mut for_reports = kernel.clone();
        let reports = thread::spawn(move || {
            for _ in 0..3 {
                let _ = reporting.service(&mut for_reports).unwrap();
            }
            reporting
        });
        empty(&mut balloon, &device);
        assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(0), Pages(0)));
        let reporting = reports.join().unwrap();
        let mut balloon = BlockParts { balloon, reporting, statistics, hinting }.join().unwrap();
        balloon.abandon(&mut Spin::default()).unwrap();
        assert_eq!((kernel.counts().0, kernel.counts().1), (0, 0));
        drop(balloon);
        assert_eq!(kernel.counts(), (0, 0, 0));
    }
}

#[test]
fn a_balloon_with_blocks_in_flight_is_dropped_in_either_order() {
    for (is_first, is_used) in [(false, false), (false, true), (true, false), (true, true)] {
        let (parts, queue, device, mut kernel) = start_blocks();
        let Handles { mut balloon, mut reporting, .. } = parts;
        if is_used {
            device.use_buffers(queue);
        }
        if is_first {
            let drops = thread::spawn(move || drop(balloon));
            let _ = reporting.service(&mut kernel);
            drops.join().unwrap();
            assert_eq!(kernel.counts().0, 0);
            assert!(reporting.service(&mut kernel).is_err());
            drop(reporting);
        } else {
            drop(reporting);
            assert_eq!(balloon.service(), Ok(Step::Waiting));
            if is_used {
                empty(&mut balloon, &device);
            }
            drop(balloon);
        }
        assert_eq!(kernel.counts().0, 0);
        kernel.free_leaked();
    }
}
