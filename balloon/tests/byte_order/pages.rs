//! Page numbers, statistics and the configuration.

use std::ops::Range;

use aerostat_balloon::platform::{Sample, StatTag};
use aerostat_balloon::transport::{LegacyMmio, Mmio, Spin, Transport};
use aerostat_balloon::{Balloon, FrameRun, Options, Size4KiB, Step, features};
use aerostat_test_support::{Memory, SoftMmio};

use crate::common::changed::{Changed, Changes, NoFrames};
use crate::{Order, buffer, in_guest_order, little_endian};

/// The number of the first frame that the kernel allocates.
const FIRST: u64 = 0x0102_0304;
/// Offsets of `num_pages` and `actual` in the configuration space ("Device configuration layout", 5.5.4).
const NUM_PAGES: Range<usize> = 0..4;
const ACTUAL: Range<usize> = 4..8;

features! {
    struct Declared { StatsVq: Required }
}

/// An unlimited number of frames, and one statistic.
struct Numbers {
    next: u64,
}

impl Changes<NoFrames<Memory>> for Numbers {
    fn range(&self, _kernel: &NoFrames<Memory>) -> Range<u64> {
        FIRST..FIRST + 0x1000
    }

    fn allocate(&mut self, _kernel: &mut NoFrames<Memory>, max: u32) -> Option<FrameRun<Size4KiB>> {
        let first = self.next;
        self.next += u64::from(max);
        // SAFETY: the frames are only numbers: neither this kernel nor its device accesses memory at these addresses.
        Some(unsafe { FrameRun::from_raw(first, max) })
    }

    fn sample(&mut self, _kernel: &mut NoFrames<Memory>, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 0x0102_0304_0506_0708);
    }
}

/// Inflates by 258 pages, in a full array and an array of two entries, and checks all bytes that the device reads.
fn check(soft: &SoftMmio, transport: impl Transport, order: Order) {
    let memory = Memory::new();
    soft.model().offered |= 1 << 1;
    let kernel = Changed::new(NoFrames(memory.clone()), Numbers { next: FIRST });
    let balloon = Balloon::new(transport, kernel, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    let buffer = |queue, index| buffer(soft, &memory, order, queue, index);
    assert_eq!(buffer(2, 0), [order(&[4, 0]), order(&[8, 7, 6, 5, 4, 3, 2, 1])].concat());

    // The configuration is little-endian on both interfaces.
    soft.model().config[NUM_PAGES].copy_from_slice(&[2, 1, 0, 0]);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let (full, short) = (buffer(0, 0), buffer(0, 1));
    assert_eq!((full.len(), short.len()), (4 * 256, 4 * 2));
    assert_eq!(full[..8], [order(&[4, 3, 2, 1]), order(&[5, 3, 2, 1])].concat());
    assert_eq!(short, [order(&[4, 4, 2, 1]), order(&[5, 4, 2, 1])].concat());

    let used = soft.model().queues[0].addresses[2];
    for (at, head) in [(used + 4, 0), (used + 12, 1)] {
        memory.write(at, &order(&[head, 0, 0, 0]));
        memory.write(at + 4, &[0; 4]);
    }
    memory.write(used + 2, &order(&[2, 0]));
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_eq!(soft.model().config[ACTUAL], [2, 1, 0, 0]);
}

// conformance: core.config.8, balloon.op.1, balloon.op.2, balloon.stats.9, balloon.stats.13
#[test]
fn everything_is_little_endian_on_the_modern_interface() {
    let soft = SoftMmio::new(5);
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    check(&soft, transport, little_endian);
}

// conformance: ring.split.legacy-endian.1, balloon.legacy-config.1, balloon.legacy-stats.1
#[test]
fn everything_but_the_configuration_is_in_guest_order_on_the_legacy_interface() {
    let soft = SoftMmio::legacy(5);
    let transport = LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    check(&soft, transport, in_guest_order);
}
