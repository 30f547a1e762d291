//! What the balloon's device finds in memory and in its configuration space, byte by byte: little-endian, whatever the
//! processor is. The expectations are written in bytes, so that a missing conversion is seen on a big-endian one.

#[path = "../../transport/tests/common/mod.rs"]
mod bus;

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::transport::{Dma, DmaRegion, Mmio};
use aerostat_balloon::{
    Balloon, FrameRun, Frames, Sample, Size4KiB, StatTag, Statistics, StatsVq, Step, TrackingMemory,
};
use bus::{Memory, Soft};

/// The number of the first frame that the kernel gives.
const FIRST: u64 = 0x0102_0304;
/// Where the configuration space has `num_pages` and `actual` ("Device configuration layout", 5.5.4).
const NUM_PAGES: Range<usize> = 0..4;
const ACTUAL: Range<usize> = 4..8;

/// A kernel with device memory, frames without end and one statistic.
struct Kernel {
    memory: Memory,
    next: u64,
}

// SAFETY: the regions are those of `Memory`, which keeps the contract.
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

    fn span(&self) -> Range<u64> {
        FIRST..FIRST + 0x1000
    }

    fn give(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        let first = self.next;
        self.next += u64::from(most);
        // SAFETY: the frames are numbers here, which nobody takes for addresses: neither this kernel nor its device.
        Some(unsafe { FrameRun::from_raw(first, most) })
    }

    fn take_back(&mut self, _run: FrameRun<Size4KiB>) {}

    fn lend_tracking(&mut self, words: usize) -> Option<&'static mut [u64]> {
        Some(vec![0; words].leak())
    }

    fn return_tracking(&mut self, _memory: TrackingMemory) {}
}

impl Statistics for Kernel {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 0x0102_0304_0506_0708);
    }
}

/// The bytes of the buffer that the descriptor at `index` of a queue names.
fn buffer(soft: &Soft, memory: &Memory, queue: usize, index: u64) -> Vec<u8> {
    let descriptor = soft.model().queues[queue].addresses[0] + 16 * index;
    memory.bytes(memory.read64(descriptor), memory.read32(descriptor + 8) as usize)
}

/// balloon.op.2, balloon.legacy-config.1, balloon.stats.13
#[test]
fn pages_statistics_and_configuration_are_little_endian() {
    let (soft, memory) = (Soft::new(5), Memory::new());
    soft.model().offered |= 1 << 1;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let kernel = Kernel { memory: memory.clone(), next: FIRST };
    let mut balloon = Balloon::new(transport, kernel).require(StatsVq).probe().map_err(|failed| failed.error).unwrap();
    assert_eq!(buffer(&soft, &memory, 2, 0), [4, 0, 8, 7, 6, 5, 4, 3, 2, 1]);

    // 258 pages: a full array and one of two entries.
    soft.model().config[NUM_PAGES].copy_from_slice(&[2, 1, 0, 0]);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let arrays = [0, 1].map(|index| buffer(&soft, &memory, 0, index));
    assert_eq!(arrays.each_ref().map(Vec::len), [4 * 256, 4 * 2]);
    assert_eq!(arrays[0][..8], [4, 3, 2, 1, 5, 3, 2, 1]);
    assert_eq!(arrays[1], [4, 4, 2, 1, 5, 4, 2, 1]);

    let used = soft.model().queues[0].addresses[2];
    memory.write(used + 4, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    memory.write(used + 2, &[2, 0]);
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_eq!(soft.model().config[ACTUAL], [2, 1, 0, 0]);
}
