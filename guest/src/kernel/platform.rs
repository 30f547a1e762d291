//! What every balloon asks of the kernel: memory to share with the device, and the frames that go into the balloon.
//! All of it comes from [`FRAMES`]. What single features ask for besides is in the files below this one.

mod blocks;
mod poison;
mod statistics;

use core::alloc::Layout;
use core::num::NonZero;
use core::ops::Range;
use core::ptr::NonNull;
use core::slice;

use aerostat_balloon::{FrameRun, Frames, ManagedChange, PrivateMemory, Size4KiB};
use aerostat_guest::FRAME_BYTES;
use aerostat_transport::{Dma, DmaRegion};

use super::memory::{self, FRAMES};

pub(crate) use self::statistics::count_stall;

/// The kernel, as the balloon sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Platform;

impl Frames for Platform {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..FRAMES.lock().end()
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        let run = memory::take(most)?;
        // SAFETY: the frames were free memory, and belong to nobody else until they come back. The run is no longer
        // than `most`, which has 32 bits.
        Some(unsafe { FrameRun::from_raw(run.start, (run.end - run.start) as u32) })
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        FRAMES.lock().put(run.first()..run.first() + u64::from(run.count()));
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        FRAMES.lock().resize(match change {
            ManagedChange::Removed(frames) => -i64::from(frames),
            ManagedChange::Added(frames) => frames.into(),
        });
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let start = room(Layout::array::<u64>(words).ok()?)?.cast::<u64>();
        // SAFETY: nobody else's, and large enough.
        unsafe { start.write_bytes(0, words) };
        // SAFETY: as above, aligned, just written, and taken back only through the slice itself.
        Some(unsafe { slice::from_raw_parts_mut(start.as_ptr(), words) })
    }

    fn deallocate_private(&mut self, memory: PrivateMemory) {
        let words = memory.into_raw();
        put(words.addr().get() as u64, words.len() * size_of::<u64>());
    }
}

// SAFETY: memory is mapped at its physical address, at which devices reach it too, coherently. The frames were
// free, hence nobody else's, and their numbers are aligned as asked for.
unsafe impl Dma for Platform {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let start = room(layout)?;
        // SAFETY: as the trait promises, see above.
        Some(unsafe { DmaRegion::new(start, start.addr().get() as u64, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        put(region.physical(), region.len());
    }
}

/// Memory with room for `layout`, which is nobody else's. Its physical address is its virtual address.
fn room(layout: Layout) -> Option<NonNull<u8>> {
    let frames = FRAMES.lock().take_layout(layout)?;
    let address = (frames.start * FRAME_BYTES) as usize;
    // Frame 0 is never free.
    Some(NonNull::with_exposed_provenance(NonZero::new(address)?))
}

/// Gives back what [`room`] gave.
fn put(address: u64, bytes: usize) {
    let first = address / FRAME_BYTES;
    FRAMES.lock().put(first..first + (bytes as u64).div_ceil(FRAME_BYTES));
}
