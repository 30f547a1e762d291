//! The byte order of what the driver writes to memory and to the configuration space: little-endian on the modern
//! interface, the guest's order on the legacy interface. The expected values are bytes, so that a missing or doubled
//! conversion fails on a big-endian processor.

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::platform::{Sample, StatTag, Statistics};
use aerostat_balloon::transport::{Dma, DmaRegion, LegacyMmio, Mmio, Transport};
use aerostat_balloon::{Balloon, FrameRun, Frames, Options, PrivateMemory, Size4KiB, Step, features};
use aerostat_test_support::{Memory, SoftMmio};

/// The number of the first frame that the kernel allocates.
const FIRST: u64 = 0x0102_0304;
/// Offsets of `num_pages` and `actual` in the configuration space ("Device configuration layout", 5.5.4).
const NUM_PAGES: Range<usize> = 0..4;
const ACTUAL: Range<usize> = 4..8;

features! {
    struct Declared { StatsVq: Required }
}

/// A kernel with DMA memory, an unlimited number of frames and one statistic.
struct Kernel {
    memory: Memory,
    next: u64,
}

// SAFETY: the regions are those of `Memory`, which fulfils the contract.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.memory.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.memory.free(region);
    }
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        FIRST..FIRST + 0x1000
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<Size4KiB>> {
        let first = self.next;
        self.next += u64::from(max);
        // SAFETY: the frames are only numbers: neither this kernel nor its device accesses memory at these addresses.
        Some(unsafe { FrameRun::from_raw(first, max) })
    }

    fn deallocate(&mut self, _run: FrameRun<Size4KiB>) {}

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        Some(vec![0; words].leak())
    }

    unsafe fn deallocate_private(&mut self, _memory: PrivateMemory) {}
}

impl Statistics for Kernel {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 0x0102_0304_0506_0708);
    }
}

/// Converts the little-endian bytes of a number to the bytes that the device expects.
type Order = fn(&[u8]) -> Vec<u8>;

fn little_endian(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

fn in_guest_order(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    bytes
}

/// Inflates by 258 pages, in a full array and an array of two entries, and checks all bytes that the device reads.
fn check(soft: &SoftMmio, transport: impl Transport, order: Order) {
    let memory = Memory::new();
    soft.model().offered |= 1 << 1;
    let kernel = Kernel { memory: memory.clone(), next: FIRST };
    let balloon = Balloon::new(transport, kernel, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    let mut balloon =
        balloon.probe(&mut aerostat_balloon::transport::Spin::default()).map_err(|failed| failed.error).unwrap();
    let buffer = |queue: usize, index: u64| {
        let descriptor = soft.model().queues[queue].addresses[0] + 16 * index;
        let address = order(&memory.bytes(descriptor, 8)).try_into().map(u64::from_le_bytes).unwrap();
        let length = order(&memory.bytes(descriptor + 8, 4)).try_into().map(u32::from_le_bytes).unwrap();
        memory.bytes(address, length as usize)
    };
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
