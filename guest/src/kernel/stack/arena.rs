//! The platform of the measured balloon: it allocates from one region, from low to high addresses, and reuses nothing.
//!
//! The driver calls the allocator of its kernel. The allocator here uses little stack, so that the measurement shows the
//! stack of the driver.

use core::alloc::Layout;
use core::num::NonZero;
use core::ops::Range;
use core::ptr::NonNull;
use core::slice;

use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames, Sample, StatTag, Statistics};
use aerostat_balloon::transport::{Dma, DmaRegion};
use aerostat_balloon::{FrameRun, Frames, PrivateMemory, Size4KiB};
use aerostat_guest::FRAME_BYTES;
use spin::Mutex;

use crate::kernel::memory::FRAMES;

/// Bytes in the region.
const BYTES: usize = 160 << 20;
/// The number of blocks to report, and of blocks to hint.
const BLOCKS: u32 = 8;

static STATE: Mutex<State> = Mutex::new(State {
    frames: 0..0,
    next: 0,
    allocations: 0,
    limit: u32::MAX,
    reported_blocks: 0,
    hinted_blocks: 0,
    hinted_frames: 0,
});

/// The state of the region. Frames are numbered: a number is the physical address divided by [`FRAME_BYTES`].
#[derive(Debug)]
struct State {
    frames: Range<u64>,
    /// The next free frame.
    next: u64,
    /// Allocations of memory for queues and bitmaps so far.
    allocations: u32,
    /// The number of these allocations that succeed.
    limit: u32,
    /// Blocks that were allocated for reporting.
    reported_blocks: u32,
    /// Blocks that were allocated for hinting.
    hinted_blocks: u32,
    /// Frames of these blocks that are not deallocated.
    hinted_frames: u32,
}

/// The kernel as the measured balloon sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arena;

impl Arena {
    /// Allocates the region from the kernel's memory.
    ///
    /// # Panics
    ///
    /// If the kernel does not have enough memory.
    pub(super) fn new() -> Self {
        let layout = Layout::from_size_align(BYTES, 2 << 20).expect("the layout is valid");
        let frames =
            FRAMES.lock().allocate_layout(layout).expect("the measurement needs a guest with 256 MiB of memory");
        let mut state = STATE.lock();
        state.next = frames.start;
        state.frames = frames;
        Self
    }

    /// Returns the number of allocations for queues and bitmaps since the last call of [`Self::limit`].
    pub(super) fn allocations(self) -> u32 {
        STATE.lock().allocations
    }

    /// Makes allocations for queues and bitmaps fail after the next `limit` of them.
    pub(super) fn limit(self, limit: u32) {
        let mut state = STATE.lock();
        state.allocations = 0;
        state.limit = limit;
    }

    /// Returns whether the balloon has blocks for hinting.
    pub(super) fn has_hinted(self) -> bool {
        STATE.lock().hinted_frames > 0
    }
}

impl State {
    /// Allocates `count` frames. The number of the first frame is a multiple of `align`.
    fn allocate(&mut self, count: u64, align: u64) -> Option<u64> {
        let first = self.next.next_multiple_of(align);
        if first + count > self.frames.end {
            return None;
        }
        self.next = first + count;
        Some(first)
    }

    fn allocate_run(&mut self, count: u32, align: u32) -> Option<FrameRun<Size4KiB>> {
        let first = self.allocate(count.into(), align.into())?;
        // SAFETY: the frames are part of the region, which allocates no frame twice.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    /// Allocates memory for a queue or a bitmap.
    fn allocate_bytes(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        if self.allocations == self.limit {
            return None;
        }
        let align = (layout.align() as u64).div_ceil(FRAME_BYTES);
        let first = self.allocate((layout.size() as u64).div_ceil(FRAME_BYTES), align)?;
        self.allocations += 1;
        Some(NonNull::with_exposed_provenance(NonZero::new((first * FRAME_BYTES) as usize)?))
    }
}

impl Frames for Arena {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        STATE.lock().frames.clone()
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        STATE.lock().allocate_run(most, 1)
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        let mut state = STATE.lock();
        // Nothing else is deallocated while the balloon has blocks for hinting.
        state.hinted_frames = state.hinted_frames.saturating_sub(run.count());
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let start = STATE.lock().allocate_bytes(Layout::array::<u64>(words).ok()?)?.cast::<u64>();
        // SAFETY: the memory was just allocated, is large enough, and is not allocated again.
        unsafe { start.write_bytes(0, words) };
        // SAFETY: as above; aligned, and initialized by the line above.
        Some(unsafe { slice::from_raw_parts_mut(start.as_ptr(), words) })
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        memory.into_raw();
    }
}

// SAFETY: memory is mapped at its physical address. Devices use physical addresses and are cache coherent. The region
// allocates no memory twice, and aligns it as requested.
unsafe impl Dma for Arena {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let start = STATE.lock().allocate_bytes(layout)?;
        // SAFETY: see the implementation of the trait.
        Some(unsafe { DmaRegion::new(start, start.addr().get() as u64, layout) })
    }

    fn free(&mut self, _: DmaRegion) {}
}

impl ReportFrames for Arena {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        let mut state = STATE.lock();
        if state.reported_blocks == BLOCKS {
            return None;
        }
        state.reported_blocks += 1;
        state.allocate_run(frames, frames)
    }

    fn deallocate_reported(&mut self, _: FrameRun<Size4KiB>) {}
}

impl BlockFrames for Arena {
    fn allocate_blocks(&mut self, frames: u32, _max: u32) -> Option<FrameRun<Size4KiB>> {
        STATE.lock().allocate_run(frames, frames)
    }
}

impl HintFrames for Arena {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        let mut state = STATE.lock();
        if state.hinted_blocks == BLOCKS {
            return None;
        }
        state.hinted_blocks += 1;
        state.hinted_frames += frames;
        state.allocate_run(frames, frames)
    }

    fn initialize(&mut self, _run: &FrameRun<Size4KiB>) {}
}

impl FillFrames for Arena {
    fn fill(&mut self, _: &FrameRun<Size4KiB>, _: u32) {}
}

impl Statistics for Arena {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 0).set(StatTag::TotalMemory, BYTES as u64);
    }
}
